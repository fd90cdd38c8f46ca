// Logs: a query, the levels, lines over time, the fields of what was found, and the lines, searched or followed live.

import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import * as loki from '../../api/loki';
import { href, Link, setParams, useParam, usePlace } from '../../app/router';
import { refreshNow, setRange, usePageTime } from '../../app/time';
import { CodeInput } from '../../components/code-input';
import { Icon } from '../../components/icons';
import { EmptyState, Show, Skeleton, StaleNotice } from '../../components/states';
import { count, plural } from '../../lib/format';
import { summariseFields, tellingFields, volumeOfEntries } from '../../lib/log-volume';
import { addFilter, ALL, fromText, isMetricQuery, LEVELS, withLevels, type FilterOp } from '../../lib/logql';
import { stepFor } from '../../lib/time-range';
import { useLoad } from '../../lib/use-load';
import { Fields } from './fields';
import { LogLines } from './log-lines';
import { LogMetrics } from './log-metrics';
import { logSuggestions } from './suggest';
import { useTail } from './use-tail';
import { Volume } from './volume';

const LIMITS = [100, 500, 1000, 5000];

/** What Loki's API gives at most. */
const MOST_ASKED = 5000;

export function Logs() {
  const [query] = useParam('q', ALL);
  return isMetricQuery(query) ? <LogMetrics query={query} /> : <LogSearch />;
}

function LogSearch() {
  const time = usePageTime();
  const { params } = usePlace();
  const [query] = useParam('q', ALL);
  const [limitText, setLimit] = useParam('limit', '1000');
  const limit = Math.min(MOST_ASKED, Math.max(1, Math.floor(Number(limitText)) || 1000));
  const [live, setLive] = useParam('live');
  const [text, setText] = useState(query);
  const levels = params.getAll('level').filter((l) => (LEVELS as readonly string[]).includes(l));
  const expr = withLevels(fromText(query), levels);
  const range = time.range;
  useEffect(() => setText(query), [query]);

  const labels = useLoad(`${time.now}`, 'log labels', (signal) => loki.labelNames(signal));
  const key = `${expr}\n${range.start} ${range.end} ${limit}`;
  const found = useLoad(live ? null : key, 'logs', (signal) => loki.logs(expr, range, limit, signal));
  const tail = useTail(live ? expr : null);
  const entries = live ? tail.entries : (found.data ?? []);
  const fields = useMemo(() => summariseFields(entries), [entries]);
  const telling = useMemo(() => tellingFields(fields, entries.length), [fields, entries]);
  const fieldsNow = useRef(fields);
  fieldsNow.current = fields;
  const complete = useMemo(() => logSuggestions(() => fieldsNow.current), []);

  const run = (next: string) => {
    setParams({ q: next.trim() === ALL ? null : next.trim() });
    refreshNow();
  };
  const filter = (field: string, op: FilterOp, value: string) =>
    run(addFilter(fromText(text), field, op, value, labels.data ?? ['service_name', 'level']));
  const toggleLevel = (level: string) =>
    setParams({ level: levels.includes(level) ? levels.filter((l) => l !== level) : [...levels, level] });

  const partial = entries.length >= limit;
  const volume = useMemo(() => {
    const lines = found.data ?? [];
    const oldest = lines.at(-1)?.ms;
    // When the limit cut the lines, the bars begin with the oldest: empty space before it would say that nothing was written.
    const covered = partial && oldest !== undefined ? { start: oldest, end: range.end } : range;
    const own = stepFor(covered, 90, 0.1);
    return { bins: volumeOfEntries(lines, covered, own), step: own };
  }, [found.data, range, partial]);

  return (
    <div class="logs">
      <div class="query-row">
        <CodeInput
          value={text}
          onInput={setText}
          onRun={run}
          complete={complete}
          label="Log query"
          placeholder='{service_name="…"} |= "text", or plain words'
          search
          invalid={found.error !== undefined}
          testId="log-query"
        />
        <button type="button" class="button button-main" onClick={() => run(text)}>
          <Icon name="search" size={14} /> Search
        </button>
        <button type="button" class="button" aria-pressed={Boolean(live)} data-testid="live" onClick={() => setLive(live ? '' : '1')}>
          <Icon name={live ? 'close' : 'play'} size={13} /> {live ? 'Stop' : 'Live'}
        </button>
      </div>
      <div class="toolbar logs-tools">
        <div class="levels" role="group" aria-label="Levels">
          {LEVELS.map((level) => (
            <button
              key={level}
              type="button"
              class={`level-chip level-${level}`}
              aria-pressed={levels.includes(level)}
              onClick={() => toggleLevel(level)}
            >
              {level}
            </button>
          ))}
        </div>
        <span class="spacer" />
        {live ? (
          <TailState tail={tail} />
        ) : (
          <>
            <span class="quiet" data-testid="log-count">
              {found.data ? (partial ? `the newest ${plural(entries.length, 'line')}` : plural(entries.length, 'line')) : ''}
            </span>
            <select class="select" aria-label="Limit" value={String(limit)} onChange={(e) => setLimit(e.currentTarget.value)}>
              {(LIMITS.includes(limit) ? LIMITS : [limit, ...LIMITS]).map((n) => (
                <option key={n} value={n}>
                  {count(n)} lines
                </option>
              ))}
            </select>
          </>
        )}
      </div>
      {live ? (
        <div class="logs-body">
          <Fields fields={fields} filter={filter} lines={entries.length} />
          {entries.length === 0 ? (
            <EmptyState title="Following, no line so far">
              <p>
                New lines that match <code class="wrap-any">{expr}</code> appear here as they are received.
              </p>
            </EmptyState>
          ) : (
            <LogLines entries={entries} telling={telling} filter={filter} resetKey="live" />
          )}
        </div>
      ) : (
        <Show of={found} skeleton={<Loading />}>
          {() =>
            entries.length === 0 ? (
              <NoLines query={query} fresh={labels.data?.length === 0} />
            ) : (
              <>
                {labels.error && <StaleNotice error={labels.error} retry={labels.retry} />}
                <Volume bins={volume.bins} step={volume.step} onZoom={setRange} />
                <div class="logs-body">
                  <Fields fields={fields} filter={filter} lines={entries.length} />
                  <LogLines entries={entries} telling={telling} filter={filter} resetKey={key} />
                </div>
              </>
            )
          }
        </Show>
      )}
    </div>
  );
}

function Loading() {
  return (
    <>
      <Skeleton rows={1} height={84} label="Searching the logs" />
      <Skeleton rows={14} height={20} />
    </>
  );
}

function TailState({ tail }: { tail: ReturnType<typeof useTail> }) {
  const words = { connecting: 'connecting', open: 'following', lost: 'connection lost, trying again' };
  return (
    <>
      <span class={`tail-state tail-${tail.state}`} role="status" data-testid="tail-state">
        <i class="tail-lamp" />
        {tail.paused ? `paused${tail.waiting > 0 ? `, ${count(tail.waiting)} new` : ''}` : words[tail.state]}
      </span>
      <span class="quiet">{plural(tail.entries.length, 'line')}</span>
      <button type="button" class="button button-small" data-testid="pause" onClick={tail.togglePause}>
        <Icon name={tail.paused ? 'play' : 'pause'} size={12} /> {tail.paused ? 'Resume' : 'Pause'}
      </button>
      <button type="button" class="button button-small" onClick={tail.clear}>
        Clear
      </button>
    </>
  );
}

function NoLines({ query, fresh }: { query: string; fresh: boolean }) {
  if (fresh) {
    return (
      <EmptyState title="No log line has come in yet">
        <p>
          Send logs by OTLP, or start <code>watchroom demo</code>. <Link to={href('/')}>How to send data</Link>
        </p>
      </EmptyState>
    );
  }
  return (
    <EmptyState title="No line answers to this query">
      <p>
        <code class="wrap-any">{query}</code>
      </p>
      <p>Widen the time range, take out a level or a filter, or start from every line.</p>
      <button type="button" class="button" onClick={() => setParams({ q: null, level: null })}>
        Every line
      </button>
    </EmptyState>
  );
}
