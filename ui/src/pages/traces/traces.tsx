// Trace search: a form whose every field stands in the URL, the found traces as a scatter of duration over time, and as a list.

import { useMemo, useState } from 'preact/hooks';
import * as jaeger from '../../api/jaeger';
import { href, Link, setParams, useParam } from '../../app/router';
import { moveAmongRows } from '../../app/keys';
import { usePageTime } from '../../app/time';
import { EmptyState, Show, Skeleton } from '../../components/states';
import { serviceColour } from '../../lib/colours';
import { ago, dateClock, micros, plural } from '../../lib/format';
import { parseTags, sortSummaries, summarise, type SortOrder, type TraceSummary } from '../../lib/trace-search';
import { useLoad } from '../../lib/use-load';
import { Scatter } from './scatter';
import { DEFAULT_LIMIT, SearchForm, useSearch } from './search-form';

const ORDERS: Record<SortOrder, string> = {
  recent: 'Most recent',
  longest: 'Longest first',
  shortest: 'Shortest first',
  spans: 'Most spans',
};

export function Traces() {
  const time = usePageTime();
  const search = useSearch();
  const services = useLoad(`${time.now}`, 'services', (signal) => jaeger.services(signal));
  // Without a choice the busiest guess is the first service: an empty page teaches nothing.
  const service = search.service || services.data?.[0] || '';
  const parsed = parseTags(search.tags);
  const key =
    service && 'tags' in parsed
      ? [service, search.operation, search.tags, search.min, search.max, search.limit, time.range.start, time.range.end].join('\n')
      : null;
  const found = useLoad(key, 'traces', async (signal) => {
    const traces = await jaeger.searchTraces(
      {
        service,
        operation: search.operation,
        tags: 'tags' in parsed ? parsed.tags : {},
        minDuration: search.min,
        maxDuration: search.max,
        startMs: time.range.start,
        endMs: time.range.end,
        limit: Number(search.limit) || Number(DEFAULT_LIMIT),
      },
      signal,
    );
    return traces.map(summarise).filter((t) => t.spans > 0);
  });

  return (
    <>
      <SearchForm service={service} services={services.data ?? []} search={search} />
      {services.error ? (
        <Show of={services}>{() => null}</Show>
      ) : services.data?.length === 0 ? (
        <EmptyState title="No traces have come in yet">
          <p>
            Point a service's OpenTelemetry exporter at this process, or start <code>watchroom demo</code>.{' '}
            <Link to={href('/')}>How to send data</Link>
          </p>
        </EmptyState>
      ) : (
        <Show of={found} skeleton={<Searching />}>
          {(list) => <Results list={list} limit={Number(search.limit) || Number(DEFAULT_LIMIT)} range={time.range} service={service} />}
        </Show>
      )}
    </>
  );
}

function Searching() {
  return (
    <>
      <Skeleton rows={1} height={190} label="Searching for traces" />
      <Skeleton rows={8} height={44} />
    </>
  );
}

interface ResultsProps {
  list: TraceSummary[];
  limit: number;
  range: { start: number; end: number };
  service: string;
}

function Results({ list, limit, range, service }: ResultsProps) {
  const [order, setOrder] = useParam('sort', 'recent');
  const [hover, setHover] = useState<string | null>(null);
  const sorted = useMemo(() => sortSummaries(list, (order in ORDERS ? order : 'recent') as SortOrder), [list, order]);
  const longest = Math.max(1, ...list.map((t) => t.duration));
  const failed = list.filter((t) => t.errors > 0).length;
  if (list.length === 0) {
    return (
      <EmptyState title="No trace answers to this search">
        <p>
          Nothing of <b>{service}</b> in this range matches. Widen the time range, or take out a condition.
        </p>
        <button
          type="button"
          class="button"
          onClick={() => setParams({ operation: null, tags: null, min: null, max: null })}
        >
          Take out all conditions
        </button>
      </EmptyState>
    );
  }
  return (
    <>
      <Scatter list={list} range={range} cut={list.length >= limit} hover={hover} setHover={setHover} />
      <div class="toolbar results-head">
        <h2 data-testid="trace-count">{plural(list.length, 'trace')}</h2>
        {failed > 0 && <span class="badge badge-bad">{failed} with errors</span>}
        {list.length >= limit && <span class="quiet">the newest {limit}; raise the limit to see more</span>}
        <span class="spacer" />
        <select class="select" aria-label="Order" value={order} onChange={(e) => setOrder(e.currentTarget.value)}>
          {Object.entries(ORDERS).map(([value, name]) => (
            <option key={value} value={value}>
              {name}
            </option>
          ))}
        </select>
      </div>
      <ul class="results" onKeyDown={moveAmongRows}>
        {sorted.map((t) => (
          <ResultRow key={t.id} trace={t} longest={longest} lit={hover === t.id} setHover={setHover} now={range.end} />
        ))}
      </ul>
    </>
  );
}

interface RowProps {
  trace: TraceSummary;
  longest: number;
  lit: boolean;
  setHover: (id: string | null) => void;
  now: number;
}

function ResultRow({ trace, longest, lit, setHover, now }: RowProps) {
  return (
    <li
      class={lit ? 'result lit' : 'result'}
      onMouseEnter={() => setHover(trace.id)}
      onMouseLeave={() => setHover(null)}
    >
      <Link to={href(`/trace/${trace.id}`)} data-row data-testid="trace-row" class="result-link">
        <span class="result-name">
          <i class="swatch" style={{ background: serviceColour(trace.service) }} />
          <b>{trace.service}</b> {trace.name}
          {trace.errors > 0 && <span class="badge badge-bad">{plural(trace.errors, 'error')}</span>}
        </span>
        <span class="result-services">
          {trace.services.slice(0, 5).map((s) => (
            <span key={s.name} class="badge" title={`${s.name}: ${plural(s.spans, 'span')}`}>
              <i class="swatch" style={{ background: serviceColour(s.name) }} />
              {s.spans}
            </span>
          ))}
          {trace.services.length > 5 && <span class="quiet">+{trace.services.length - 5}</span>}
          <span class="quiet">{plural(trace.spans, 'span')}</span>
        </span>
        <span class="result-bar" aria-hidden="true">
          <i
            class={trace.errors > 0 ? 'failed' : ''}
            style={{ width: `${Math.max(0.4, (trace.duration / longest) * 100)}%` }}
          />
        </span>
        <span class="result-duration">{micros(trace.duration)}</span>
        <time class="quiet" title={ago(trace.startMs, now)}>
          {dateClock(trace.startMs, true)}
        </time>
        <code class="result-id">{trace.id.slice(0, 8)}</code>
      </Link>
    </li>
  );
}
