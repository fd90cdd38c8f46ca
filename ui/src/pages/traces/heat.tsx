// The matched spans by time and duration: the darker a cell, the more of them; failed ones in the strip below. Dragging chooses a part.

import { useState } from 'preact/hooks';
import type { DurationHistogram } from '../../api/traces';
import { count, dateClock, plural, seconds } from '../../lib/format';
import { timeLabel } from '../../lib/series';
import { useSize } from '../../lib/use-load';

const ROW = 13;
const LEFT = 62;
const STRIP = 10;
const AXIS = 18;

export interface HeatChoice {
  startMs: number;
  endMs: number;
  /** Nanoseconds; null where the choice has no bound. */
  above: number | null;
  upTo: number | null;
}

export function Heat({ data, onChoose }: { data: DurationHistogram; onChoose: (choice: HeatChoice) => void }) {
  const [box, { width }] = useSize<HTMLDivElement>();
  const [hover, setHover] = useState<{ step: number; row: number } | null>(null);
  const [drag, setDrag] = useState<{ from: { step: number; row: number }; to: { step: number; row: number } } | null>(null);
  const rows = data.bounds_ns.length;
  const steps = data.counts.length;
  const height = rows * ROW;
  const column = Math.max(0.5, (width - LEFT - 4) / Math.max(1, steps));
  const most = Math.max(1, ...data.counts.flat());
  const mostErrors = Math.max(1, ...data.errors);
  const label = (bound: number | null | undefined) => (bound === null || bound === undefined ? '∞' : seconds(bound / 1e9));
  const at = (event: PointerEvent) => {
    const rect = (event.currentTarget as Element).getBoundingClientRect();
    return {
      step: Math.min(steps - 1, Math.max(0, Math.floor((event.clientX - rect.left - LEFT) / column))),
      row: Math.min(rows - 1, Math.max(0, rows - 1 - Math.floor((event.clientY - rect.top) / ROW))),
    };
  };
  const drop = () => {
    if (drag && (drag.from.step !== drag.to.step || drag.from.row !== drag.to.row)) {
      const [a, b] = [Math.min(drag.from.step, drag.to.step), Math.max(drag.from.step, drag.to.step)];
      const [low, high] = [Math.min(drag.from.row, drag.to.row), Math.max(drag.from.row, drag.to.row)];
      onChoose({
        startMs: data.start_ms + a * data.step_ms,
        endMs: data.start_ms + (b + 1) * data.step_ms,
        above: low > 0 ? (data.bounds_ns[low - 1] ?? null) : null,
        upTo: high < rows - 1 ? (data.bounds_ns[high] ?? null) : null,
      });
    }
    setDrag(null);
  };
  if (rows === 0) return null;
  const marked = drag && {
    x: LEFT + Math.min(drag.from.step, drag.to.step) * column,
    y: (rows - 1 - Math.max(drag.from.row, drag.to.row)) * ROW,
    w: (Math.abs(drag.from.step - drag.to.step) + 1) * column,
    h: (Math.abs(drag.from.row - drag.to.row) + 1) * ROW,
  };
  const lit = hover ? { n: data.counts[hover.step]?.[hover.row] ?? 0, errors: data.errors[hover.step] ?? 0 } : null;
  const every = Math.max(1, Math.round(120 / column));
  return (
    <div class="heat panel" ref={box} data-testid="heat">
      {width > 0 && (
        <svg
          width={width}
          height={height + STRIP + AXIS}
          role="img"
          aria-label={`${plural(data.coverage.matched, 'span')} by time and duration; the list below holds the newest`}
          onPointerDown={(e) => {
            if (e.button !== 0) return;
            e.currentTarget.setPointerCapture(e.pointerId);
            setDrag({ from: at(e), to: at(e) });
          }}
          onPointerMove={(e) => {
            setHover(at(e));
            if (drag) setDrag({ ...drag, to: at(e) });
          }}
          onPointerUp={drop}
          onPointerLeave={() => setHover(null)}
          onPointerCancel={() => setDrag(null)}
        >
          {data.bounds_ns.map((bound, row) =>
            (rows - 1 - row) % Math.max(1, Math.ceil(rows / 12)) === 0 ? (
              <text key={row} class="tick" x={LEFT - 6} y={(rows - 1 - row) * ROW + 10} text-anchor="end">
                {label(bound)}
              </text>
            ) : null,
          )}
          {data.counts.map((bucket, step) =>
            bucket.map((n, row) =>
              n > 0 ? (
                <rect
                  key={`${step} ${row}`}
                  class="heat-cell"
                  x={LEFT + step * column}
                  y={(rows - 1 - row) * ROW}
                  width={Math.max(1, column - 0.6)}
                  height={ROW - 1}
                  fill-opacity={0.15 + 0.85 * (Math.log1p(n) / Math.log1p(most))}
                />
              ) : null,
            ),
          )}
          {data.errors.map((n, step) =>
            n > 0 ? (
              <rect
                key={step}
                class="heat-errors"
                x={LEFT + step * column}
                y={height + 2}
                width={Math.max(1, column - 0.6)}
                height={STRIP - 4}
                fill-opacity={0.3 + 0.7 * (n / mostErrors)}
              />
            ) : null,
          )}
          {Array.from({ length: Math.ceil(steps / every) }, (_, i) => i * every).map((step) =>
            LEFT + step * column < width - 40 ? (
              <text key={step} class="tick" x={LEFT + step * column} y={height + STRIP + AXIS - 5}>
                {timeLabel((data.start_ms + step * data.step_ms) / 1000, (steps * data.step_ms) / 1000)}
              </text>
            ) : null,
          )}
          {marked && <rect class="drag" x={marked.x} y={marked.y} width={marked.w} height={marked.h} />}
        </svg>
      )}
      {hover && lit && (
        <div class="tip" style={{ left: `${Math.min(width - 200, Math.max(0, LEFT + hover.step * column - 80))}px`, top: `${height + STRIP}px` }}>
          <span class="quiet">{dateClock(data.start_ms + hover.step * data.step_ms)}</span> <b>{count(lit.n)}</b> of{' '}
          {hover.row > 0 ? label(data.bounds_ns[hover.row - 1]) : '0'} to {label(data.bounds_ns[hover.row])}
          {lit.errors > 0 && <span class="bad">, {plural(lit.errors, 'failed span')}</span>}
        </div>
      )}
    </div>
  );
}
