// Latency on one logarithmic ruler for all rows: a line from p50 to p99 with a mark at p95, so that services can be compared
// at a glance.

import { seconds } from '../../lib/format';
import type { Signals } from '../../lib/red';

export interface Scale {
  low: number;
  high: number;
}

/** Whole decades around every percentile that will be shown. */
export function scaleOf(all: (Signals | null)[]): Scale {
  const values = all.flatMap((s) => (s ? [s.p50, s.p99] : [])).filter((v) => v > 0 && Number.isFinite(v));
  if (values.length === 0) return { low: 1e-3, high: 1 };
  const low = 10 ** Math.floor(Math.log10(Math.min(...values)));
  const high = 10 ** Math.ceil(Math.log10(Math.max(...values)));
  return { low, high: high > low ? high : low * 10 };
}

export function decades({ low, high }: Scale): number[] {
  const n = Math.round(Math.log10(high / low));
  return Array.from({ length: n + 1 }, (_, i) => low * 10 ** i);
}

const at = (value: number, { low, high }: Scale) =>
  Math.min(100, Math.max(0, (Math.log(value / low) / Math.log(high / low)) * 100));

export function LatencyRuler({ signals, scale }: { signals: Signals; scale: Scale }) {
  const { p50, p95, p99 } = signals;
  const ticks = decades(scale).slice(1, -1);
  const drawn = [p50, p95, p99].every((v) => v > 0 && Number.isFinite(v));
  return (
    <div
      class="ruler"
      role="img"
      aria-label={drawn ? `half within ${seconds(p50)}, 95 % within ${seconds(p95)}, 99 % within ${seconds(p99)}` : 'no latency'}
    >
      {ticks.map((t) => (
        <i key={t} class="ruler-tick" style={{ left: `${at(t, scale)}%` }} />
      ))}
      {drawn && (
        <>
          <i class="ruler-line" style={{ left: `${at(p50, scale)}%`, width: `${Math.max(0, at(p99, scale) - at(p50, scale))}%` }} />
          <i class="ruler-p50" style={{ left: `${at(p50, scale)}%` }} />
          <i class="ruler-p95" style={{ left: `${at(p95, scale)}%` }} />
          <i class="ruler-p99" style={{ left: `${at(p99, scale)}%` }} />
        </>
      )}
    </div>
  );
}

export function RulerHead({ scale }: { scale: Scale }) {
  const marks = decades(scale);
  const every = Math.ceil((marks.length - 1) / 3);
  return (
    <div class="ruler-head" aria-hidden="true">
      {marks.map((m, i) =>
        i % every === 0 ? (
          <span
            key={m}
            class={i === 0 ? 'first' : i === marks.length - 1 ? 'last' : undefined}
            style={{ left: `${at(m, scale)}%` }}
          >
            {seconds(m)}
          </span>
        ) : null,
      )}
    </div>
  );
}
