// The search by expression: one query, three ways to look at what it matches. All of it stands in the URL.

import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import * as api from '../../api/traces';
import { setParams, useParam } from '../../app/router';
import { refreshNow, setSpec, usePageTime } from '../../app/time';
import { CodeInput } from '../../components/code-input';
import { Icon } from '../../components/icons';
import { EmptyState, Show, Skeleton } from '../../components/states';
import { count, plural } from '../../lib/format';
import { stepFor } from '../../lib/time-range';
import { durationLiteral, withCondition } from '../../lib/trace-expression';
import type { TraceSummary } from '../../lib/trace-search';
import { useLoad } from '../../lib/use-load';
import { Compare } from './compare';
import { Groups } from './groups';
import { Heat, type HeatChoice } from './heat';
import { Results } from './results';
import { expressionCursor, expressionSuggestions } from './suggest';

const VIEWS = { list: 'Traces', groups: 'Groups', compare: 'Compare' } as const;
const LIMIT = 200;

export function summaryOf(t: api.FoundTrace): TraceSummary {
  return {
    id: t.trace_id,
    name: t.name,
    service: t.service,
    startMs: t.start_ms,
    duration: t.duration_ns / 1000,
    spans: t.spans,
    errors: t.errors,
    services: t.services,
    ...(t.matched_spans[0] ? { matched: t.matched, first: t.matched_spans[0].span_id } : {}),
  };
}

export function Expression({ q }: { q: string }) {
  const time = usePageTime();
  const { range } = time;
  const [view, setView] = useParam('view', 'list');
  const [text, setText] = useState(q);
  useEffect(() => setText(q), [q]);
  const rangeNow = useRef(range);
  rangeNow.current = range;
  const complete = useMemo(() => expressionSuggestions(() => rangeNow.current), []);
  const at = `${q}\n${range.start} ${range.end}`;
  const step = stepFor(range, 90, 0.1);
  const heat = useLoad(at, 'heat', (signal) => api.histogram(q, range, step, signal));
  const found = useLoad(view === 'list' ? at : null, 'found', (signal) => api.search(q, range, LIMIT, signal));
  const error = heat.error ?? found.error;
  const run = (next: string) => {
    setParams({ q: next.trim() || '{ }' });
    refreshNow();
  };
  const choose = ({ startMs, endMs, above, upTo }: HeatChoice) => {
    let expr = q;
    if (above !== null) expr = withCondition(expr, `duration > ${durationLiteral(above)}`);
    if (upTo !== null) expr = withCondition(expr, `duration <= ${durationLiteral(upTo)}`);
    setParams({ q: expr });
    setSpec({ from: String(Math.floor(startMs)), to: String(Math.ceil(endMs)) });
  };
  return (
    <>
      <div class="query-row">
        <CodeInput
          value={text}
          onInput={setText}
          onRun={run}
          complete={complete}
          readCursor={expressionCursor}
          label="Trace expression"
          placeholder='{ resource.service.name = "a" && duration > 100ms }'
          search
          invalid={error !== undefined}
          testId="trace-query"
        />
        <button type="button" class="button button-main" onClick={() => run(text)}>
          <Icon name="search" size={14} /> Search
        </button>
        <button type="button" class="button button-bare" onClick={() => setParams({ q: null, view: null, by: null, selection: null, figure: null })}>
          Use the form
        </button>
      </div>
      {error && (
        <p class="query-error" role="alert" data-testid="query-error">
          <Icon name="warn" size={13} /> {error.message}
        </p>
      )}
      <div class="toolbar expression-tools">
        <div class="tabs" role="group" aria-label="View">
          {Object.entries(VIEWS).map(([name, title]) => (
            <button key={name} type="button" class="tab" aria-pressed={view === name} onClick={() => setView(name)}>
              {title}
            </button>
          ))}
        </div>
        <span class="spacer" />
        {heat.data && !heat.error && (
          <span class="quiet" data-testid="matched">
            {plural(heat.data.coverage.matched, 'span')} matched
            {heat.data.coverage.looked_at > heat.data.coverage.matched ? ` of ${count(heat.data.coverage.looked_at)} looked at` : ''}
            {heat.data.coverage.partial ? '; older ones were not looked at' : ''}
          </span>
        )}
      </div>
      {!error && (
        <>
          {heat.data === undefined ? <Skeleton rows={1} height={150} label="Counting the spans" /> : <Heat data={heat.data} onChoose={choose} />}
          {view === 'groups' ? (
            <Groups q={q} range={range} change={run} />
          ) : view === 'compare' ? (
            <Compare q={q} range={range} change={run} />
          ) : (
            <Show of={found} skeleton={<Skeleton rows={8} height={44} label="Searching for traces" />}>
              {({ traces }) => (
                <Results
                  list={traces.map(summaryOf)}
                  limit={LIMIT}
                  range={range}
                  scatter={false}
                  empty={
                    <EmptyState title="No trace answers to this expression">
                      <p>
                        <code class="wrap-any">{q}</code>
                      </p>
                      <p>Widen the time range, or take out a condition.</p>
                      <button type="button" class="button" onClick={() => run('{ }')}>
                        Every trace
                      </button>
                    </EmptyState>
                  }
                />
              )}
            </Show>
          )}
        </>
      )}
    </>
  );
}
