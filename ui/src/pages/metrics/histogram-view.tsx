// Native histograms over time: a column for each moment, a row for each bucket, the darker the more observations.

import { useMemo } from 'preact/hooks';
import type { MatrixSeries } from '../../api/prometheus';
import { count, dateClock, significant } from '../../lib/format';
import { gridOf } from '../../lib/native-histogram';
import { seriesName } from '../../lib/promql';
import { timeLabel } from '../../lib/series';
import type { TimeRange } from '../../lib/time-range';
import { useSize } from '../../lib/use-load';

const MOST_SERIES = 12;
const LEFT = 76;
const AXIS = 18;

export function HistogramView({ series, range, step, format }: { series: MatrixSeries[]; range: TimeRange; step: number; format: (v: number) => string }) {
  return (
    <>
      {series.slice(0, MOST_SERIES).map((s) => (
        <One key={seriesName(s.metric)} series={s} range={range} step={step} format={format} />
      ))}
      {series.length > MOST_SERIES && (
        <p class="notice">{series.length - MOST_SERIES} more histograms are not drawn: aggregate with sum by (…).</p>
      )}
    </>
  );
}

function One({ series, range, step, format }: { series: MatrixSeries; range: TimeRange; step: number; format: (v: number) => string }) {
  const [box, { width }] = useSize<HTMLDivElement>();
  const grid = useMemo(() => gridOf(series.histograms ?? []), [series]);
  const row = grid.rows.length > 24 ? 8 : 12;
  const height = grid.rows.length * row;
  const length = (range.end - range.start) / 1000;
  const x = (at: number) => LEFT + ((at - range.start / 1000) / length) * (width - LEFT - 6);
  const column = Math.max(1, (step / length) * (width - LEFT - 6));
  const bound = (v: number) => (Number.isFinite(v) ? (format === count ? significant(v) : format(v)) : v > 0 ? '∞' : '−∞');
  const marks = Array.from({ length: 6 }, (_, i) => range.start / 1000 + (i * length) / 6);
  return (
    <section class="panel histogram" data-testid="histogram" aria-label={`Histogram ${seriesName(series.metric)}`}>
      <h3 class="mono wrap-any">{seriesName(series.metric)}</h3>
      <div ref={box}>
        {width > 0 && grid.rows.length > 0 && (
          <svg width={width} height={height + AXIS} role="img" aria-label={`${grid.rows.length} buckets over time`}>
            {grid.rows.map((r, i) =>
              i % Math.max(1, Math.ceil(grid.rows.length / 10)) === 0 ? (
                <text key={i} class="tick" x={LEFT - 6} y={height - i * row - 1} text-anchor="end">
                  {bound(r.upper)}
                </text>
              ) : null,
            )}
            {grid.columns.map((c) =>
              c.counts.map((n, i) =>
                n > 0 ? (
                  <rect
                    key={`${c.at} ${i}`}
                    class="heat-cell"
                    x={x(c.at)}
                    y={height - (i + 1) * row}
                    width={Math.max(1, column - 0.5)}
                    height={row - 1}
                    fill-opacity={0.12 + 0.88 * Math.sqrt(n / grid.most)}
                  >
                    <title>{`${dateClock(c.at * 1000)}: ${count(n)} of ${bound(grid.rows[i]?.lower ?? 0)} to ${bound(grid.rows[i]?.upper ?? 0)}`}</title>
                  </rect>
                ) : null,
              ),
            )}
            {marks.map((at) => (
              <text key={at} class="tick" x={x(at)} y={height + AXIS - 4}>
                {timeLabel(at, length)}
              </text>
            ))}
          </svg>
        )}
      </div>
      {grid.rows.length === 0 && <p class="quiet">No observation in this range.</p>}
    </section>
  );
}
