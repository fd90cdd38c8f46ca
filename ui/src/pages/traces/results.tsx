// Found traces: as a scatter, and as a list in a chosen order.

import type { ComponentChildren } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { href, Link, useParam } from '../../app/router';
import { moveAmongRows } from '../../app/keys';
import { serviceColour } from '../../lib/colours';
import { ago, dateClock, micros, plural } from '../../lib/format';
import { sortSummaries, type SortOrder, type TraceSummary } from '../../lib/trace-search';
import { Scatter } from './scatter';

const ORDERS: Record<SortOrder, string> = {
  recent: 'Most recent',
  longest: 'Longest first',
  shortest: 'Shortest first',
  spans: 'Most spans',
};

interface ResultsProps {
  list: TraceSummary[];
  limit: number;
  range: { start: number; end: number };
  scatter?: boolean;
  /** What is said when there is none. */
  empty: ComponentChildren;
}

export function Results({ list, limit, range, scatter = true, empty }: ResultsProps) {
  const [order, setOrder] = useParam('sort', 'recent');
  const [hover, setHover] = useState<string | null>(null);
  const sorted = useMemo(() => sortSummaries(list, (order in ORDERS ? order : 'recent') as SortOrder), [list, order]);
  const longest = Math.max(1, ...list.map((t) => t.duration));
  const failed = list.filter((t) => t.errors > 0).length;
  if (list.length === 0) return <>{empty}</>;
  return (
    <>
      {scatter && <Scatter list={list} range={range} cut={list.length >= limit} hover={hover} setHover={setHover} />}
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
      <Link to={href(`/trace/${trace.id}`, { span: trace.first })} data-row data-testid="trace-row" class="result-link">
        <span class="result-name">
          <i class="swatch" style={{ background: serviceColour(trace.service) }} />
          <b>{trace.service}</b> {trace.name}
          {trace.errors > 0 && <span class="badge badge-bad">{plural(trace.errors, 'error')}</span>}
          {trace.matched !== undefined && <span class="badge badge-match">{plural(trace.matched, 'match', 'matches')}</span>}
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
