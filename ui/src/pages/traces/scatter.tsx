// Found traces as dots: when along, how long up (logarithmic), how many spans by size, failed in red.

import { href, navigate } from '../../app/router';
import { setRange } from '../../app/time';
import { useState } from 'preact/hooks';
import { serviceColour } from '../../lib/colours';
import { clock, micros, plural } from '../../lib/format';
import type { TraceSummary } from '../../lib/trace-search';
import { useSize } from '../../lib/use-load';

const HEIGHT = 190;
const LEFT = 62;
const BOTTOM = 20;
const TOP = 8;
const RIGHT = 10;

export interface ScatterProps {
  list: TraceSummary[];
  range: { start: number; end: number };
  /** There are more traces than the list holds. */
  cut: boolean;
  hover: string | null;
  setHover: (id: string | null) => void;
}

/** Powers of ten round the durations. */
function durationScale(list: TraceSummary[]): { low: number; high: number } {
  const all = list.map((t) => Math.max(1, t.duration));
  const low = 10 ** Math.floor(Math.log10(Math.min(...all)));
  const high = 10 ** Math.ceil(Math.log10(Math.max(...all) * 1.001));
  return { low, high: high > low ? high : low * 10 };
}

/** About six round moments within the range. */
function timeMarks(start: number, end: number): number[] {
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600, 43_200, 86_400, 172_800];
  const step = (steps.find((s) => (end - start) / 1000 / s <= 8) ?? 604_800) * 1000;
  const marks = [];
  for (let t = Math.ceil(start / step) * step; t <= end; t += step) marks.push(t);
  return marks;
}

export function Scatter({ list, range, cut, hover, setHover }: ScatterProps) {
  const [box, { width }] = useSize<HTMLDivElement>();
  const [drag, setDrag] = useState<{ from: number; to: number } | null>(null);
  // Traces may begin a little outside the range; the axis takes them in. When the limit cut the list, the axis begins with
  // what there is: empty space before it would say that nothing happened.
  const first = Math.min(...list.map((t) => t.startMs));
  const start = cut ? first - (range.end - first) * 0.01 : Math.min(range.start, first);
  const end = Math.max(range.end, ...list.map((t) => t.startMs));
  const { low, high } = durationScale(list);
  const inner = Math.max(10, width - LEFT - RIGHT);
  const x = (ms: number) => LEFT + ((ms - start) / (end - start)) * inner;
  const y = (us: number) =>
    TOP + (1 - Math.log(Math.max(1, us) / low) / Math.log(high / low)) * (HEIGHT - TOP - BOTTOM);
  const decades = Array.from({ length: Math.round(Math.log10(high / low)) + 1 }, (_, i) => low * 10 ** i);
  const lit = list.find((t) => t.id === hover);
  const local = (event: PointerEvent) => {
    const left = (event.currentTarget as Element).getBoundingClientRect().left;
    return Math.min(width - RIGHT, Math.max(LEFT, event.clientX - left));
  };
  const drop = () => {
    if (drag && Math.abs(drag.to - drag.from) > 8) {
      const [a, b] = [Math.min(drag.from, drag.to), Math.max(drag.from, drag.to)];
      const ms = (px: number) => start + ((px - LEFT) / inner) * (end - start);
      setRange(ms(a), ms(b));
    }
    setDrag(null);
  };

  return (
    <div class="scatter panel" ref={box}>
      {width > 0 && (
        <svg
          width={width}
          height={HEIGHT}
          role="img"
          aria-label={`Duration over time of ${plural(list.length, 'trace')}; the list below holds the same`}
          onPointerDown={(e) => {
            if (e.button === 0 && (e.target as Element).tagName !== 'circle') setDrag({ from: local(e), to: local(e) });
          }}
          onPointerMove={(e) => drag && setDrag({ ...drag, to: local(e) })}
          onPointerUp={drop}
          onPointerLeave={drop}
        >
          {decades.map((d) => (
            <g key={d}>
              <line class="grid" x1={LEFT} x2={width - RIGHT} y1={y(d)} y2={y(d)} />
              <text class="tick" x={LEFT - 8} y={y(d) + 4} text-anchor="end">
                {micros(d)}
              </text>
            </g>
          ))}
          {timeMarks(start, end).map((t) => (
            <g key={t}>
              <line class="grid grid-faint" x1={x(t)} x2={x(t)} y1={TOP} y2={HEIGHT - BOTTOM} />
              {x(t) < width - 40 && (
                <text class="tick" x={x(t)} y={HEIGHT - 5} text-anchor="middle">
                  {clock(t).slice(0, end - start < 300_000 ? 8 : 5)}
                </text>
              )}
            </g>
          ))}
          {drag && (
            <rect
              class="drag"
              x={Math.min(drag.from, drag.to)}
              y={TOP}
              width={Math.abs(drag.to - drag.from)}
              height={HEIGHT - TOP - BOTTOM}
            />
          )}
          {list.map((t) => (
            <circle
              key={t.id}
              data-testid="dot"
              class={`${t.errors > 0 ? 'dot dot-failed' : 'dot'}${t.id === hover ? ' lit' : ''}`}
              cx={x(t.startMs)}
              cy={y(t.duration)}
              r={Math.min(11, 2.6 + Math.sqrt(t.spans) * 0.55)}
              fill={t.errors > 0 ? 'var(--bad)' : serviceColour(t.service)}
              onMouseEnter={() => setHover(t.id)}
              onMouseLeave={() => setHover(null)}
              onClick={() => navigate(href(`/trace/${t.id}`))}
            />
          ))}
        </svg>
      )}
      {lit && width > 0 && (
        <div
          class="tip"
          style={{
            left: `${Math.min(width - 250, Math.max(0, x(lit.startMs) - 120))}px`,
            top: `${y(lit.duration) > 80 ? y(lit.duration) - 64 : y(lit.duration) + 16}px`,
          }}
        >
          <b>{micros(lit.duration)}</b> {lit.service} {lit.name}
          <br />
          <span class="quiet">
            {clock(lit.startMs, true)}, {plural(lit.spans, 'span')}
            {lit.errors > 0 ? `, ${plural(lit.errors, 'error')}` : ''}
          </span>
        </div>
      )}
    </div>
  );
}
