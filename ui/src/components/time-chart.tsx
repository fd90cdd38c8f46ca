// Lines over time, drawn by uPlot: drag to narrow the range, hover for the values at a moment.

import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import { Link } from '../app/router';
import { theme } from '../app/theme';
import { resolveColour, seriesColour } from '../lib/colours';
import { bytes, dateClock } from '../lib/format';
import { timeLabel, type ChartData } from '../lib/series';
import { useStore } from '../lib/store';
import { useSize } from '../lib/use-load';

export interface TimeChartProps {
  data: ChartData;
  start: number;
  end: number;
  height: number;
  format: (value: number) => string;
  hidden: ReadonlySet<string>;
  /** Key of the series to bring forward. */
  lit: string | null;
  onZoom: (startMs: number, endMs: number) => void;
  label: string;
  /** Moments that lead somewhere, drawn over the lines. */
  marks?: Mark[];
}

export interface Mark {
  key: string;
  /** Seconds since the epoch. */
  at: number;
  value: number;
  label: string;
  to: string;
}

interface Hover {
  index: number;
  left: number;
  top: number;
  /** Index of the nearest series. */
  nearest: number | null;
}

/** Where the plot is and what it shows, for what is laid over it. */
interface MarkScale {
  left: number;
  top: number;
  width: number;
  height: number;
  from: number;
  to: number;
  low: number;
  high: number;
}

const MOST_IN_TIP = 12;

/** Steps of an axis of bytes, so that its marks are whole KiB and MiB. */
const BINARY_STEPS = Array.from({ length: 60 }, (_, i) => 2 ** i);

export function TimeChart(props: TimeChartProps) {
  const { data, start, end, height, hidden, lit } = props;
  const [box, { width }] = useSize<HTMLDivElement>();
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const shown = useStore(theme);
  const [hover, setHover] = useState<Hover | null>(null);
  const [scale, setScale] = useState<MarkScale | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const shape = data.series.map((s) => s.key).join('\n');

  useEffect(() => {
    if (!host.current || width === 0) return;
    const colour = (name: string) => resolveColour(`var(--${name})`);
    const axis = {
      stroke: colour('text-3'),
      font: `11px ${getComputedStyle(document.body).fontFamily}`,
      grid: { stroke: colour('line'), width: 1 },
      ticks: { show: false },
    };
    const chart = new uPlot(
      {
        width,
        height,
        padding: [12, 8, 0, 0],
        legend: { show: false },
        cursor: {
          drag: { x: true, y: false, setScale: false },
          points: { size: 7 },
          focus: { prox: 40 },
        },
        scales: {
          x: { time: true, range: () => [latest.current.start / 1000, latest.current.end / 1000] },
          y: {
            range: (_u, low, high) => {
              if (low === null || high === null || !Number.isFinite(low)) return [0, 1];
              const floor = low >= 0 && low < high * 0.6 ? 0 : low - (high - low || Math.abs(high) || 1) * 0.08;
              const top = high + (high - floor || 1) * 0.06;
              return [floor, top > floor ? top : floor + 1];
            },
          },
        },
        axes: [
          {
            ...axis,
            space: 64,
            size: 30,
            values: (u, splits) => splits.map((s) => timeLabel(s, (u.scales['x']?.max ?? 0) - (u.scales['x']?.min ?? 0))),
          },
          {
            ...axis,
            ...(props.format === bytes ? { incrs: BINARY_STEPS } : {}),
            values: (_u, splits) => splits.map((s) => latest.current.format(s)),
            size: (_u, values) => 18 + 6.6 * Math.max(2, ...(values ?? []).map((v) => v.length)),
          },
        ],
        series: [
          {},
          ...data.series.map((s, i) => {
            const stroke = resolveColour(seriesColour(i));
            return {
              label: s.label,
              stroke,
              width: 1.5,
              points: { show: false },
              spanGaps: false,
              ...(data.series.length === 1 ? { fill: `${stroke}1f` } : {}),
            };
          }),
        ],
        hooks: {
          draw: [
            (u) => {
              const ratio = devicePixelRatio || 1;
              const { left, top, width: w, height: h } = u.bbox;
              const next = {
                left: left / ratio,
                top: top / ratio,
                width: w / ratio,
                height: h / ratio,
                from: u.scales['x']?.min ?? 0,
                to: u.scales['x']?.max ?? 1,
                low: u.scales['y']?.min ?? 0,
                high: u.scales['y']?.max ?? 1,
              };
              setScale((old) => (old && JSON.stringify(old) === JSON.stringify(next) ? old : next));
            },
          ],
          setSelect: [
            (u) => {
              if (u.select.width < 4) return;
              const from = u.posToVal(u.select.left, 'x');
              const to = u.posToVal(u.select.left + u.select.width, 'x');
              u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
              latest.current.onZoom(from * 1000, to * 1000);
            },
          ],
          setCursor: [
            (u) => {
              const { idx, left, top } = u.cursor;
              if (idx === null || idx === undefined || left === undefined || left < 0) {
                setHover(null);
                return;
              }
              let nearest: number | null = null;
              let distance = 30;
              latest.current.data.series.forEach((s, i) => {
                const value = s.values[idx];
                if (value === null || value === undefined || latest.current.hidden.has(s.key)) return;
                const gap = Math.abs(u.valToPos(value, 'y') - (top ?? 0));
                if (gap < distance) [nearest, distance] = [i, gap];
              });
              setHover({ index: idx, left: left + u.bbox.left / devicePixelRatio, top: top ?? 0, nearest });
            },
          ],
        },
      },
      [data.times, ...data.series.map((s) => s.values)] as uPlot.AlignedData,
      host.current,
    );
    plot.current = chart;
    return () => {
      chart.destroy();
      plot.current = null;
    };
  }, [shape, shown, width > 0]);

  useEffect(() => {
    if (width > 0) plot.current?.setSize({ width, height });
  }, [width, height]);

  useEffect(() => {
    plot.current?.setData([data.times, ...data.series.map((s) => s.values)] as uPlot.AlignedData);
  }, [data, start, end]);

  useEffect(() => {
    const chart = plot.current;
    if (!chart) return;
    data.series.forEach((s, i) => {
      const visible = !hidden.has(s.key);
      const series = chart.series[i + 1];
      if (series && series.show !== visible) chart.setSeries(i + 1, { show: visible });
      if (series) series.alpha = lit === null || lit === s.key ? 1 : 0.18;
    });
    chart.redraw(false);
  }, [hidden, lit, data, shape, shown, width > 0]);

  return (
    <div class="time-chart" ref={box} role="img" aria-label={props.label}>
      <div ref={host} />
      {scale && props.marks && props.marks.length > 0 && <Marks marks={props.marks} scale={scale} />}
      {hover && <Tip hover={hover} props={props} width={width} />}
    </div>
  );
}

function Marks({ marks, scale }: { marks: Mark[]; scale: MarkScale }) {
  return (
    <div class="chart-marks">
      {marks
        .filter((m) => m.at >= scale.from && m.at <= scale.to)
        .map((m) => {
          // One beyond the lines' scale is drawn at the edge: that it is there matters more than how high.
          const share = Math.min(1, Math.max(0, (m.value - scale.low) / (scale.high - scale.low)));
          return (
            <Link
              key={m.key}
              to={m.to}
              class="chart-mark"
              data-testid="exemplar"
              title={m.label}
              aria-label={m.label}
              style={{
                left: `${scale.left + ((m.at - scale.from) / (scale.to - scale.from)) * scale.width}px`,
                top: `${scale.top + (1 - share) * scale.height}px`,
              }}
            />
          );
        })}
    </div>
  );
}

function Tip({ hover, props, width }: { hover: Hover; props: TimeChartProps; width: number }) {
  const { data, hidden, format } = props;
  const at = data.times[hover.index];
  const rows = data.series
    .map((s, i) => ({ s, i, value: s.values[hover.index] }))
    .filter((r) => r.value !== null && r.value !== undefined && !hidden.has(r.s.key))
    .sort((a, b) => (b.value ?? 0) - (a.value ?? 0));
  if (at === undefined || rows.length === 0) return null;
  const nearest = rows.findIndex((r) => r.i === hover.nearest);
  const from = Math.max(0, Math.min(nearest - MOST_IN_TIP / 2, rows.length - MOST_IN_TIP));
  const beside = hover.left > width / 2;
  return (
    <div
      class="tip chart-tip"
      style={{
        left: beside ? 'auto' : `${hover.left + 16}px`,
        right: beside ? `${width - hover.left + 16}px` : 'auto',
        top: '10px',
      }}
    >
      <p class="quiet">{dateClock(at * 1000)}</p>
      {rows.slice(from, from + MOST_IN_TIP).map(({ s, i, value }) => (
        <p key={s.key} class={i === hover.nearest ? 'chart-tip-row nearest' : 'chart-tip-row'}>
          <i class="swatch" style={{ background: seriesColour(i) }} />
          <span class="clip">{s.label}</span>
          <b>{format(value ?? 0)}</b>
        </p>
      ))}
      {rows.length > MOST_IN_TIP && <p class="quiet">of {rows.length} series</p>}
    </div>
  );
}
