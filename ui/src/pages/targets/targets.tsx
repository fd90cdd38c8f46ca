// Targets: what is scraped, how it went, and why not.

import * as prometheus from '../../api/prometheus';
import { href, Link, setParams, useParam } from '../../app/router';
import { moveAmongRows } from '../../app/keys';
import { usePageTime } from '../../app/time';
import { Icon } from '../../components/icons';
import { EmptyState, Show, Skeleton } from '../../components/states';
import { ago, plural, seconds } from '../../lib/format';
import { selector } from '../../lib/promql';
import { useLoad } from '../../lib/use-load';

function matches(target: prometheus.Target, text: string): boolean {
  const hay = [target.scrapePool, target.scrapeUrl, target.lastError, ...Object.entries(target.labels).map((l) => l.join('='))];
  const all = hay.join('\n').toLowerCase();
  return text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => all.includes(word));
}

function byPool(targets: prometheus.Target[]): [string, prometheus.Target[]][] {
  const pools = new Map<string, prometheus.Target[]>();
  for (const target of targets) pools.set(target.scrapePool, [...(pools.get(target.scrapePool) ?? []), target]);
  return [...pools].sort((a, b) => a[0].localeCompare(b[0]));
}

export function Targets() {
  const time = usePageTime();
  const [find, setFind] = useParam('q');
  const [health, setHealth] = useParam('health');
  const targets = useLoad(`${time.now}`, 'targets', (signal) => prometheus.targets(signal));
  return (
    <Show of={targets} skeleton={<Skeleton rows={8} height={40} label="Loading the targets" />}>
      {(all) => {
        if (all.length === 0) {
          return (
            <EmptyState title="Nothing is scraped">
              <p>
                Services that push by OTLP need no target. To scrape one, start <code>watchroom up --scrape URL</code>, or give a
                Prometheus configuration with <code>--config prometheus.yml</code>.
              </p>
            </EmptyState>
          );
        }
        const found = all.filter((t) => (!health || t.health === health) && (!find || matches(t, find)));
        const n = (state: string) => all.filter((t) => t.health === state).length;
        return (
          <>
            <div class="toolbar alerts-tools">
              <div class="find">
                <Icon name="search" size={14} />
                <input
                  class="input"
                  type="search"
                  data-search
                  aria-label="Find targets"
                  placeholder="Job, address, label, error"
                  value={find}
                  onInput={(e) => setFind(e.currentTarget.value, { replace: true })}
                />
              </div>
              <div class="toolbar" role="group" aria-label="Health">
                {['up', 'down', 'unknown'].map((state) =>
                  n(state) > 0 || state !== 'unknown' ? (
                    <button
                      key={state}
                      type="button"
                      class={`state-chip state-${state}`}
                      aria-pressed={health === state}
                      onClick={() => setHealth(health === state ? '' : state)}
                    >
                      <b>{n(state)}</b> {state}
                    </button>
                  ) : null,
                )}
              </div>
            </div>
            {found.length === 0 && (
              <EmptyState title="No target answers to this">
                <button type="button" class="button" onClick={() => setParams({ q: null, health: null })}>
                  Show all
                </button>
              </EmptyState>
            )}
            {byPool(found).map(([pool, list]) => (
              <Pool key={pool} pool={pool} list={list} now={time.now} />
            ))}
          </>
        );
      }}
    </Show>
  );
}

function Pool({ pool, list, now }: { pool: string; list: prometheus.Target[]; now: number }) {
  const up = list.filter((t) => t.health === 'up').length;
  return (
    <section class="pool" aria-label={`Pool ${pool}`}>
      <h2>
        {pool} <span class={up === list.length ? 'quiet' : 'bad'}>{`${up} of ${plural(list.length, 'target')} up`}</span>
      </h2>
      <div class="table-box">
        <table onKeyDown={moveAmongRows}>
          <thead>
            <tr>
              <th>State</th>
              <th>Endpoint</th>
              <th>Labels</th>
              <th class="num">Last scrape</th>
              <th class="num">Took</th>
              <th class="num">Every</th>
            </tr>
          </thead>
          <tbody>
            {list.map((t) => {
              const scraped = Date.parse(t.lastScrape);
              return (
                <tr key={t.scrapeUrl + JSON.stringify(t.labels)} data-testid="target" data-health={t.health}>
                  <td>
                    <span class={`rule-state state-${t.health}`}>{t.health}</span>
                  </td>
                  <td>
                    <a data-row class="mono wrap-any" href={t.scrapeUrl} target="_blank" rel="noreferrer">
                      {t.scrapeUrl}
                    </a>
                    {t.lastError && <p class="target-error">{t.lastError}</p>}
                  </td>
                  <td>
                    <Link class="target-labels" title="Its samples in Metrics" to={href('/metrics-explorer', { q: selector('', pick(t.labels)) })}>
                      {Object.entries(t.labels).map(([k, v]) => (
                        <span key={k} class="label-chip">
                          <b>{k}=</b>
                          {v}
                        </span>
                      ))}
                    </Link>
                  </td>
                  <td class="num">{scraped > 0 ? ago(scraped, now) : 'never'}</td>
                  <td class="num">{scraped > 0 ? seconds(t.lastScrapeDuration) : '–'}</td>
                  <td class="num">{t.scrapeInterval ?? '–'}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </section>
  );
}

/** The labels that name a target for sure. */
function pick(labels: prometheus.Labels): prometheus.Labels {
  const { job, instance } = labels;
  return { ...(job ? { job } : {}), ...(instance ? { instance } : {}) };
}
