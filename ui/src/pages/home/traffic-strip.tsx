// A service's traffic as a lamp's characteristic: each bar is a moment, tall and bright when busy, red where calls failed.

import { clock, percent, rate } from '../../lib/format';
import type { TrafficBar } from '../../lib/red';

const HEIGHT = 26;

export function TrafficStrip({ bars, label }: { bars: TrafficBar[]; label: string }) {
  if (bars.length === 0) return <span class="quiet">no calls</span>;
  const most = Math.max(...bars.map((b) => b.rate), 1e-9);
  return (
    <svg
      class="traffic"
      viewBox={`0 0 ${bars.length * 3} ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={`${label}: at most ${rate(most)} requests a second`}
    >
      {bars.map((bar, i) => {
        const height = bar.rate > 0 ? Math.max(1.5, (bar.rate / most) * (HEIGHT - 1)) : 0.8;
        const failed = bar.rate > 0 ? (bar.failed / bar.rate) * height : 0;
        const shown = failed > 0 ? Math.max(failed, 2) : 0;
        return (
          <g key={bar.ms}>
            <title>{`${clock(bar.ms)}: ${rate(bar.rate)} req/s, ${percent(bar.rate > 0 ? bar.failed / bar.rate : 0)} failed`}</title>
            <rect class="traffic-hit" x={i * 3} y={0} width={3} height={HEIGHT} />
            <rect
              class={bar.rate > 0 ? 'traffic-bar' : 'traffic-none'}
              opacity={bar.rate > 0 ? 0.4 + 0.6 * (bar.rate / most) : 1}
              x={i * 3}
              y={HEIGHT - height}
              width={2.1}
              height={height}
            />
            {shown > 0 && <rect class="traffic-failed" x={i * 3} y={HEIGHT - shown} width={2.1} height={shown} />}
          </g>
        );
      })}
    </svg>
  );
}
