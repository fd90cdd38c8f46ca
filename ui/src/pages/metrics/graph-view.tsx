// The graph and its legend: the figures of each series, and which of them are shown.

import { useState } from 'preact/hooks';
import { moveAmongRows } from '../../app/keys';
import { TimeChart, type Mark } from '../../components/time-chart';
import { seriesColour } from '../../lib/colours';
import { writeDuration } from '../../lib/duration';
import { plural } from '../../lib/format';
import { seriesName } from '../../lib/promql';
import type { ChartData } from '../../lib/series';

export interface GraphViewProps {
  data: ChartData;
  start: number;
  end: number;
  step: number;
  format: (value: number) => string;
  onZoom: (start: number, end: number) => void;
  marks?: Mark[];
}

export function GraphView({ data, start, end, step, format, onZoom, marks = [] }: GraphViewProps) {
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const [lit, setLit] = useState<string | null>(null);
  const toggle = (key: string, only: boolean) => {
    if (only) {
      const others = data.series.map((s) => s.key).filter((k) => k !== key);
      // A second time on the only one shown brings all back.
      setHidden(others.every((k) => hidden.has(k)) && !hidden.has(key) ? new Set() : new Set(others));
      return;
    }
    const next = new Set(hidden);
    if (!next.delete(key)) next.add(key);
    setHidden(next);
  };
  const write = (value: number | null) => (value === null || Number.isNaN(value) ? '–' : format(value));
  return (
    <div class="graph panel" data-testid="graph">
      <TimeChart
        data={data}
        start={start}
        end={end}
        height={340}
        format={format}
        hidden={hidden}
        lit={lit}
        onZoom={onZoom}
        marks={marks}
        label={`Graph of ${plural(data.series.length, 'series', 'series')}`}
      />
      <div class="legend">
        <table onKeyDown={moveAmongRows}>
          <thead>
            <tr>
              <th title="Click shows one alone, Ctrl click hides it">
                {plural(data.series.length, 'series', 'series')}, a point every {writeDuration(step)}
              </th>
              <th class="num">last</th>
              <th class="num">min</th>
              <th class="num">mean</th>
              <th class="num">max</th>
            </tr>
          </thead>
          <tbody onMouseLeave={() => setLit(null)}>
            {data.series.map((s, i) => (
              <tr key={s.key} class={hidden.has(s.key) ? 'off' : ''} onMouseEnter={() => setLit(s.key)}>
                <td>
                  <button
                    type="button"
                    data-row
                    class="legend-name"
                    aria-pressed={!hidden.has(s.key)}
                    title={`${seriesName(s.metric)}\nClick: alone. Ctrl click: hide.`}
                    onClick={(e) => toggle(s.key, !(e.ctrlKey || e.metaKey))}
                    onFocus={() => setLit(s.key)}
                    onBlur={() => setLit(null)}
                  >
                    <i class="swatch" style={{ background: seriesColour(i) }} />
                    <span class="clip">{s.label}</span>
                  </button>
                </td>
                <td class="num">{write(s.last)}</td>
                <td class="num">{write(s.min)}</td>
                <td class="num">{write(s.avg)}</td>
                <td class="num">{write(s.max)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}
