// A log query for numbers, drawn over the range as the metrics explorer draws its own.

import { useEffect, useMemo, useState } from 'preact/hooks';
import * as loki from '../../api/loki';
import { setParams } from '../../app/router';
import { refreshNow, setRange, usePageTime } from '../../app/time';
import { CodeInput } from '../../components/code-input';
import { Icon } from '../../components/icons';
import { EmptyState, Skeleton } from '../../components/states';
import { count } from '../../lib/format';
import { chartData } from '../../lib/series';
import { alignRange, stepFor } from '../../lib/time-range';
import { useLoad } from '../../lib/use-load';
import { GraphView } from '../metrics/graph-view';
import { logSuggestions } from './suggest';

export function LogMetrics({ query }: { query: string }) {
  const time = usePageTime();
  const [text, setText] = useState(query);
  useEffect(() => setText(query), [query]);
  const step = stepFor(time.range, 120);
  const grid = alignRange(time.range, step);
  const found = useLoad(`${query}\n${grid.start} ${grid.end}`, query, (signal) => loki.metric(query, grid, step, signal));
  const chart = useMemo(() => chartData([{ name: query, series: found.data ?? [] }], grid.start, grid.end, step), [found.data]);
  const complete = useMemo(() => logSuggestions(() => []), []);
  const run = (next: string) => {
    setParams({ q: next.trim() || null });
    refreshNow();
  };
  return (
    <div class="logs">
      <div class="query-row">
        <CodeInput
          value={text}
          onInput={setText}
          onRun={run}
          complete={complete}
          label="Log query"
          placeholder='sum by (level) (rate({service_name="…"}[1m]))'
          search
          invalid={found.error !== undefined}
          testId="log-query"
        />
        <button type="button" class="button button-main" onClick={() => run(text)}>
          <Icon name="search" size={14} /> Search
        </button>
      </div>
      {found.error && (
        <p class="query-error" role="alert" data-testid="query-error">
          <Icon name="warn" size={13} /> {found.error.message}
        </p>
      )}
      {found.data === undefined ? (
        !found.error && <Skeleton rows={1} height={320} label="Running the query" />
      ) : chart.series.length === 0 ? (
        <EmptyState title="The query has no result">
          <p>No line in this range answers to it. Check the selector, or widen the time range.</p>
        </EmptyState>
      ) : (
        <GraphView data={chart} start={time.range.start} end={time.range.end} format={count} onZoom={setRange} step={step} />
      )}
    </div>
  );
}
