// Alerts: every rule with its state, and what it burns for: instances, labels, annotations, since when.

import * as prometheus from '../../api/prometheus';
import * as silencing from '../../api/silences';
import { href, Link, setParams, useParam, usePlace } from '../../app/router';
import { moveAmongRows } from '../../app/keys';
import { usePageTime } from '../../app/time';
import { Icon } from '../../components/icons';
import { EmptyState, Show, Skeleton } from '../../components/states';
import { byUrgency, countStates, filterGroups, stateOf, stretches, type RuleState, type Stretch } from '../../lib/alerting';
import { ago, clock, longDuration, plural, seconds, significant } from '../../lib/format';
import { serviceQuery } from '../../lib/logql';
import { serviceOf } from '../../lib/red';
import { alignRange, stepFor, type TimeRange } from '../../lib/time-range';
import { useLoad } from '../../lib/use-load';
import { SilenceButton, Silences } from './silences';
import { tokenise } from '../../lib/promql';

const STATES: RuleState[] = ['firing', 'pending', 'inactive', 'recording'];

export function Alerts() {
  const time = usePageTime();
  const { params } = usePlace();
  const [find, setFind] = useParam('q');
  const states = params.getAll('state');
  const step = stepFor(time.range, 200);
  const grid = alignRange(time.range, step);
  const rules = useLoad(`${time.now}`, 'rules', (signal) => prometheus.rules(signal));
  // The history is a help: a server that keeps no ALERTS series simply has none.
  const history = useLoad(`${grid.start} ${grid.end}`, 'history', async (signal) => {
    try {
      return stretches(await prometheus.queryRange('ALERTS', grid, step, signal), grid, step);
    } catch {
      return new Map<string, Stretch[]>();
    }
  });
  // A server without silences, or one that cannot tell them just now, still shows its alerts.
  const silences = useLoad(`${time.now}`, 'silences', async (signal) => {
    try {
      return await silencing.silences(signal);
    } catch {
      return null;
    }
  });
  const toggle = (state: string) =>
    setParams({ state: states.includes(state) ? states.filter((s) => s !== state) : [...states, state] });

  return (
    <Show of={rules} skeleton={<Skeleton rows={6} height={64} label="Loading the rules" />}>
      {(groups) => {
        if (groups.length === 0) {
          return (
            <EmptyState title="No rule is loaded">
              <p>
                Give Prometheus rule files with <code>watchroom up --rules FILE</code>; their alerts are evaluated here, shown here
                and on the home page.
              </p>
            </EmptyState>
          );
        }
        const counts = countStates(groups);
        const found = filterGroups(groups, states, find);
        return (
          <>
            <div class="toolbar alerts-tools">
              <div class="find">
                <Icon name="search" size={14} />
                <input
                  class="input"
                  type="search"
                  data-search
                  aria-label="Find rules"
                  placeholder="Name, label, expression"
                  value={find}
                  onInput={(e) => setFind(e.currentTarget.value, { replace: true })}
                />
              </div>
              <div class="toolbar" role="group" aria-label="States">
                {STATES.filter((s) => s !== 'recording' || counts.recording > 0).map((state) => (
                  <button
                    key={state}
                    type="button"
                    class={`state-chip state-${state}`}
                    aria-pressed={states.includes(state)}
                    onClick={() => toggle(state)}
                  >
                    <b>{counts[state]}</b> {state}
                  </button>
                ))}
              </div>
            </div>
            {silences.data && <Silences list={silences.data} now={time.now} />}
            {found.length === 0 && (
              <EmptyState title="No rule answers to this">
                <button type="button" class="button" onClick={() => setParams({ q: null, state: null })}>
                  Show all
                </button>
              </EmptyState>
            )}
            <div onKeyDown={moveAmongRows}>
              {found.map((group) => (
                <section key={group.file + group.name} class="rule-group" aria-label={`Group ${group.name}`}>
                  <h2>
                    {group.name}
                    <span class="quiet clip" title={group.file}>
                      {group.file}
                      {group.interval ? `, every ${seconds(group.interval)}` : ''}
                    </span>
                  </h2>
                  {byUrgency(group.rules).map((rule, i) => (
                    <RuleItem
                      key={`${rule.name} ${i}`}
                      rule={rule}
                      now={time.now}
                      history={history.data?.get(rule.name)}
                      range={grid}
                      silences={silences.data ?? null}
                    />
                  ))}
                </section>
              ))}
            </div>
          </>
        );
      }}
    </Show>
  );
}

interface RuleProps {
  rule: prometheus.Rule;
  now: number;
  history: Stretch[] | undefined;
  range: TimeRange;
  /** Null where the server has none. */
  silences: silencing.Silence[] | null;
}

function RuleItem({ rule, now, history, range, silences }: RuleProps) {
  const state = stateOf(rule);
  const alerts = rule.alerts ?? [];
  const severity = rule.labels?.['severity'];
  // A rule's own annotations are templates; those of an instance are filled in.
  const annotations = alerts[0]?.annotations ?? rule.annotations;
  const summary = annotations?.['summary'] ?? annotations?.['description'] ?? '';
  return (
    <details class={`rule state-${state}`} open={state === 'firing' || state === 'pending'} data-testid="rule" data-state={state}>
      <summary data-row>
        <span class="rule-state">{state}</span>
        <b class="rule-name">{rule.name}</b>
        {severity && <span class={`badge ${severity === 'critical' ? 'badge-bad' : severity === 'warning' ? 'badge-warn' : ''}`}>{severity}</span>}
        {rule.health === 'err' && (
          <span class="badge badge-bad">
            <Icon name="warn" size={12} /> cannot be evaluated
          </span>
        )}
        <span class="clip rule-summary">{summary}</span>
        {history && history.length > 0 && <History stretches={history} range={range} />}
        <span class="rule-count quiet">{alerts.length > 0 ? plural(alerts.length, 'instance') : ''}</span>
      </summary>
      <div class="rule-body">
        {rule.lastError && <p class="query-error">{rule.lastError}</p>}
        <Link class="rule-expr" title="Open in Metrics" to={href('/metrics-explorer', { q: rule.query })}>
          <code>
            {tokenise(rule.query).map((t) => (
              <span key={t.start} class={`t-${t.kind}`}>
                {t.text}
              </span>
            ))}
          </code>
          <Icon name="metrics" size={13} />
        </Link>
        <p class="quiet">
          {rule.type === 'alerting' && (rule.duration ? `fires after ${longDuration(rule.duration)}` : 'fires at once')}
          {rule.keepFiringFor ? `, keeps firing for ${longDuration(rule.keepFiringFor)}` : ''}
          {rule.lastEvaluation && Date.parse(rule.lastEvaluation) > 0
            ? `${rule.type === 'alerting' ? ', ' : ''}evaluated ${ago(Date.parse(rule.lastEvaluation), now)}`
            : ''}
          {rule.evaluationTime !== undefined ? ` in ${seconds(rule.evaluationTime)}` : ''}
        </p>
        {alerts.map((alert) => (
          <Instance key={JSON.stringify(alert.labels)} alert={alert} now={now} said={summary} rule={rule} silences={silences} />
        ))}
      </div>
    </details>
  );
}

interface InstanceProps {
  alert: prometheus.Alert;
  rule: prometheus.Rule;
  now: number;
  /** What the rule's line says already. */
  said: string;
  silences: silencing.Silence[] | null;
}

function Instance({ alert, rule, now, said, silences }: InstanceProps) {
  const since = Date.parse(alert.activeAt);
  const service = serviceOf(alert.labels);
  const value = Number(alert.value);
  const texts = Object.entries(alert.annotations).filter(([, text]) => text !== said);
  const labels = Object.entries(alert.labels).filter(([k, v]) => k !== 'alertname' && rule.labels?.[k] !== v);
  return (
    <div class={`instance state-${alert.state}`} data-testid="instance">
      <div class="instance-head">
        <span class="rule-state">{alert.state}</span>
        <span class="instance-since">
          since {clock(since)}, {longDuration((now - since) / 1000)}
        </span>
        <span class="quiet">
          value <b class="mono">{Number.isFinite(value) ? significant(value) : alert.value}</b>
        </span>
        <span class="instance-labels">
          {labels.map(([k, v]) => (
            <span key={k} class="label-chip">
              <b>{k}=</b>
              {v}
            </span>
          ))}
        </span>
        <span class="spacer" />
        {silences !== null &&
          (silences.some((s) => silencing.covers(s, alert.labels)) ? (
            <span class="badge" data-testid="silenced">
              silenced
            </span>
          ) : (
            <SilenceButton labels={alert.labels} />
          ))}
        {service && (
          <>
            <Link to={href('/traces', { service })}>Traces</Link>
            <Link to={href('/logs', { q: serviceQuery(service) })}>Logs</Link>
          </>
        )}
      </div>
      {texts.map(([name, text]) => (
        <p key={name} class="wrap-any">
          {name !== 'summary' && name !== 'description' && <span class="quiet">{name}: </span>}
          {text}
        </p>
      ))}
    </div>
  );
}

/** When the rule was pending and firing, over the page's range. */
function History({ stretches: list, range }: { stretches: Stretch[]; range: TimeRange }) {
  const length = range.end - range.start;
  return (
    <svg class="history" viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" aria-label="State over the range">
      <rect class="history-none" x={0} y={4.5} width={1000} height={1} />
      {list.map((s) => (
        <rect
          key={`${s.start} ${s.state}`}
          class={`history-${s.state}`}
          x={((s.start - range.start) / length) * 1000}
          y={s.state === 'firing' ? 0 : 3}
          width={Math.max(4, ((s.end - s.start) / length) * 1000)}
          height={s.state === 'firing' ? 10 : 4}
        >
          <title>{`${s.state} ${clock(s.start)} – ${clock(s.end)}`}</title>
        </rect>
      ))}
    </svg>
  );
}
