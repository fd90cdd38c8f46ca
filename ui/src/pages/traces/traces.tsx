// Trace search: by a form or by an expression, each standing in the URL, with what was found drawn and listed.

import * as jaeger from '../../api/jaeger';
import { href, Link, setParams, usePlace } from '../../app/router';
import { usePageTime } from '../../app/time';
import { EmptyState, Show, Skeleton } from '../../components/states';
import { parseTags, summarise } from '../../lib/trace-search';
import { useLoad } from '../../lib/use-load';
import { Expression } from './expression';
import { Results } from './results';
import { DEFAULT_LIMIT, SearchForm, useSearch } from './search-form';

export function Traces() {
  const { params } = usePlace();
  const q = params.get('q');
  return q === null ? <FormSearch /> : <Expression q={q} />;
}

function FormSearch() {
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
          {(list) => (
            <Results
              list={list}
              limit={Number(search.limit) || Number(DEFAULT_LIMIT)}
              range={time.range}
              empty={
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
              }
            />
          )}
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
