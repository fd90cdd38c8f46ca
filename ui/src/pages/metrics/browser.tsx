// What there is to ask for: every metric with its type and help, before the first query.

import { useState } from 'preact/hooks';
import { moveAmongRows } from '../../app/keys';
import { href, Link } from '../../app/router';
import { EmptyState, Show, Skeleton } from '../../components/states';
import { rank } from '../../lib/completion';
import { plural } from '../../lib/format';
import { starterQuery } from '../../lib/series';
import { useLoad } from '../../lib/use-load';
import { metaOf, metricMeta, metricNames } from './suggest';

const MOST = 400;

export function Browser({ choose }: { choose: (expr: string) => void }) {
  const [find, setFind] = useState('');
  const metrics = useLoad('metrics', 'metrics', async () => {
    const [names, meta] = await Promise.all([metricNames(), metricMeta()]);
    // A histogram is one metric to a reader, not three.
    const histograms = new Set(names.filter((n) => n.endsWith('_bucket')).map((n) => n.slice(0, -'_bucket'.length)));
    const shown = names.filter((n) => !histograms.has(n.replace(/_(sum|count)$/, '')) || n.endsWith('_bucket'));
    return shown.map((text) => ({ text, meta: metaOf(meta, text) }));
  });
  return (
    <Show of={metrics} skeleton={<Skeleton rows={10} height={26} label="Loading the metrics" />}>
      {(all) => {
        if (all.length === 0) {
          return (
            <EmptyState title="No metric has come in yet">
              <p>
                Send metrics by OTLP, or scrape a service with <code>watchroom up --scrape URL</code>.{' '}
                <Link to={href('/')}>How to send data</Link>
              </p>
            </EmptyState>
          );
        }
        const found = rank(all, find, MOST);
        return (
          <section class="browser" aria-label="Metrics" onKeyDown={moveAmongRows}>
            <div class="toolbar">
              <h2>{plural(all.length, 'metric')}</h2>
              <input
                class="input"
                type="search"
                aria-label="Find a metric"
                placeholder="Find a metric"
                value={find}
                onInput={(e) => setFind(e.currentTarget.value)}
              />
            </div>
            <ul class="browser-list">
              {found.map(({ text, meta }) => (
                <li key={text}>
                  <button type="button" data-row class="browser-item" onClick={() => choose(starterQuery(text, meta?.type))}>
                    <code>{text}</code>
                    <span class="badge">{meta?.type && meta.type !== 'unknown' ? meta.type : text.endsWith('_bucket') ? 'histogram' : 'untyped'}</span>
                    <span class="quiet clip">{meta?.help ?? ''}</span>
                  </button>
                </li>
              ))}
            </ul>
            {all.length > found.length && !find && <p class="quiet">{all.length - found.length} more: find them by name.</p>}
          </section>
        );
      }}
    </Show>
  );
}
