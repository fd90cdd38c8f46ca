// Home: every service in sight with its golden signals, what burns, and what the server takes in.

import type { Alert } from '../../api/prometheus';
import { href, Link, setParams, usePlace } from '../../app/router';
import { moveAmongRows } from '../../app/keys';
import { usePageTime } from '../../app/time';
import { Icon } from '../../components/icons';
import { ErrorState, Show, Skeleton } from '../../components/states';
import { serviceColour } from '../../lib/colours';
import { ago, percent, plural, rate, seconds } from '../../lib/format';
import { serviceQuery } from '../../lib/logql';
import { CALLS, type Signals } from '../../lib/red';
import type { TimeRange } from '../../lib/time-range';
import { useLoad } from '../../lib/use-load';
import { FirstLight } from './first-light';
import { IngestStrip } from './ingest-strip';
import { LatencyRuler, RulerHead, scaleOf, type Scale } from './latency-ruler';
import { loadHome, loadOperations, type HomeData, type ServiceRow } from './load';
import { TrafficStrip } from './traffic-strip';

export function Home() {
  const time = usePageTime();
  const { range } = time;
  const home = useLoad(`${range.start} ${range.end}`, 'home', (signal) => loadHome(range, signal));
  return (
    <Show of={home} skeleton={<Skeleton rows={7} height={46} label="Loading the services" />}>
      {(data) =>
        data.rows.length === 0 ? (
          <FirstLight status={data.status} />
        ) : (
          <>
            <Headline data={data} />
            <Services rows={data.rows} range={range} />
            {data.status && <IngestStrip status={data.status} />}
          </>
        )
      }
    </Show>
  );
}

function headline(firing: number, unwell: number): string {
  if (firing === 0 && unwell === 0) return 'All quiet.';
  const parts = [];
  if (firing > 0) parts.push(firing === 1 ? 'one alert is firing' : `${firing} alerts are firing`);
  if (unwell > 0) parts.push(unwell === 1 ? 'one service is unwell' : `${unwell} services are unwell`);
  const text = parts.join(', ');
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

/** Firing alerts by rule, the oldest instance first. */
function byName(alerts: Alert[]): { name: string; alerts: Alert[]; n: number }[] {
  const groups = new Map<string, Alert[]>();
  for (const alert of [...alerts].sort((a, b) => Date.parse(a.activeAt) - Date.parse(b.activeAt))) {
    const name = alert.labels['alertname'] ?? 'alert';
    groups.set(name, [...(groups.get(name) ?? []), alert]);
  }
  return [...groups].map(([name, list]) => ({ name, alerts: list, n: list.length }));
}

function Headline({ data }: { data: HomeData }) {
  const unwell = data.rows.filter((r) => r.health?.state === 'unhealthy').length;
  // Only work at the entry counts, or one call would be counted by the caller and the called.
  const measured = data.rows.flatMap((r) => (r.signals ? [r.signals] : []));
  const entries = measured.filter((s) => s.entry);
  const total = (entries.length > 0 ? entries : measured).reduce((sum, s) => sum + s.rate, 0);
  const groups = byName(data.firing);
  const calm = data.firing.length === 0 && unwell === 0;
  return (
    <section class="headline" aria-label="State">
      <div>
        <p class={calm ? 'headline-text' : 'headline-text headline-burning'} data-testid="headline">
          {headline(data.firing.length, unwell)}
        </p>
        <p class="headline-sub">
          {plural(data.rows.length, 'service')} in sight, {rate(total)} calls a second
          {data.pending > 0 ? `, ${plural(data.pending, 'alert')} pending` : ''}
        </p>
      </div>
      {data.firing.length > 0 && (
        <ul class="burning" aria-label="Firing alerts">
          {groups.slice(0, 4).map(({ name, alerts: [alert], n }) =>
            alert ? (
              <li key={name}>
                <Link to={href('/alerts', { q: name })} class={`burning-item severity-${alert.labels['severity'] ?? 'none'}`}>
                  <Icon name="alerts" size={14} />
                  <b>{name}</b>
                  {n > 1 && <span class="quiet">{n} ×</span>}
                  <span class="clip">{alert.annotations['summary'] ?? alert.annotations['description'] ?? ''}</span>
                  <time>{ago(Date.parse(alert.activeAt), Date.now())}</time>
                </Link>
              </li>
            ) : null,
          )}
          {groups.length > 4 && (
            <li>
              <Link to={href('/alerts', { state: 'firing' })}>and {groups.length - 4} more</Link>
            </li>
          )}
        </ul>
      )}
    </section>
  );
}

function Services({ rows, range }: { rows: ServiceRow[]; range: TimeRange }) {
  const { params } = usePlace();
  // A short list has room for the operations of its first service; closing it is a choice too, and stands as `none`.
  const busiest = rows.length <= 4 ? rows.find((r) => r.signals)?.name : undefined;
  const chosen = params.getAll('open');
  const open = new Set(chosen.length > 0 ? chosen.filter((n) => n !== 'none') : busiest ? [busiest] : []);
  const scale = scaleOf(rows.map((r) => r.signals));
  const toggle = (name: string) => {
    const next = open.has(name) ? [...open].filter((n) => n !== name) : [...open, name];
    setParams({ open: next.length > 0 ? next : ['none'] }, { replace: true });
  };
  return (
    <div class="table-box">
      <table class="services" onKeyDown={moveAmongRows}>
        <thead>
          <tr>
            <th>Service</th>
            <th class="col-traffic">Traffic</th>
            <th class="num" title="Calls a second over the last minute of the range">
              Calls/s
            </th>
            <th class="num" title="Share of calls that failed, over the whole range">
              Errors
            </th>
            <th class="col-ruler">
              <span class="visually-hidden">Latency from p50 to p99</span>
              <RulerHead scale={scale} />
            </th>
            <th class="num">p50</th>
            <th class="num">p95</th>
            <th class="num">p99</th>
            <th>Health</th>
            <th>Alerts</th>
            <th>
              <span class="visually-hidden">Open</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <ServiceLine
              key={row.name}
              row={row}
              scale={scale}
              open={open.has(row.name)}
              toggle={() => toggle(row.name)}
              range={range}
            />
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface LineProps {
  row: ServiceRow;
  scale: Scale;
  open: boolean;
  toggle: () => void;
  range: TimeRange;
}

function ServiceLine({ row, scale, open, toggle, range }: LineProps) {
  const { name, signals } = row;
  return (
    <>
      <tr class="service" data-service={name}>
        <td class="service-name">
          <button type="button" data-row class="service-toggle" aria-expanded={open} onClick={toggle} disabled={!signals}>
            <Icon name="chevron" size={11} class={open ? 'turned' : ''} />
            <i class="swatch" style={{ background: serviceColour(name) }} />
            <span>{name}</span>
          </button>
        </td>
        <td class="col-traffic">
          <TrafficStrip bars={row.traffic} label={`Traffic of ${name}`} />
        </td>
        <SignalCells signals={signals} scale={scale} />
        <td>
          <Health row={row} />
        </td>
        <td>
          {row.alerts.length > 0 ? (
            <Link to={href('/alerts', { q: name })} class="badge badge-bad">
              <Icon name="alerts" size={12} /> {row.alerts.length}
            </Link>
          ) : (
            <span class="quiet">none</span>
          )}
        </td>
        <td class="service-links">
          <OpenLinks row={row} />
        </td>
      </tr>
      {open && signals && <Operations service={name} range={range} scale={scale} />}
    </>
  );
}

function SignalCells({ signals, scale }: { signals: Signals | null; scale: Scale }) {
  if (!signals) {
    return (
      <>
        <td class="num quiet">–</td>
        <td class="num quiet">–</td>
        <td class="col-ruler" />
        <td class="num quiet">–</td>
        <td class="num quiet">–</td>
        <td class="num quiet">–</td>
      </>
    );
  }
  const tone = signals.errors >= 0.05 ? 'bad' : signals.errors > 0 ? 'warn' : '';
  return (
    <>
      <td class="num strong" data-testid="rate">
        {rate(signals.rate)}
      </td>
      <td class={`num ${tone}`} data-testid="errors">
        {percent(signals.errors)}
      </td>
      <td class="col-ruler">
        <LatencyRuler signals={signals} scale={scale} />
      </td>
      <td class="num" data-testid="p50">
        {seconds(signals.p50)}
      </td>
      <td class="num" data-testid="p95">
        {seconds(signals.p95)}
      </td>
      <td class="num" data-testid="p99">
        {seconds(signals.p99)}
      </td>
    </>
  );
}

function Health({ row }: { row: ServiceRow }) {
  const { health } = row;
  if (!health) {
    return (
      <span class="quiet" title="Neither a health metric nor a scrape is known">
        not reported
      </span>
    );
  }
  if (health.state === 'healthy') {
    return (
      <span class="health good">
        <Icon name="check" size={13} /> healthy
      </span>
    );
  }
  return (
    <Link to={href('/targets', { q: row.name })} class="health bad" title={health.unwell.join(', ')}>
      <Icon name="cross" size={13} /> <span class="clip">{health.unwell.join(', ')}</span>
    </Link>
  );
}

function OpenLinks({ row }: { row: ServiceRow }) {
  const { name, has } = row;
  const entry = row.signals ? `${CALLS}{service=${JSON.stringify(name)}}` : `{job=${JSON.stringify(name)}}`;
  const expr = row.signals ? `sum by (span_name, status_code) (rate(${entry}[1m]))` : entry;
  return (
    <>
      {has.traces && <Link to={href('/traces', { service: name })}>Traces</Link>}
      {has.logs && <Link to={href('/logs', { q: serviceQuery(name) })}>Logs</Link>}
      {(row.signals || has.metrics) && <Link to={href('/metrics-explorer', { q: expr })}>Metrics</Link>}
    </>
  );
}

function Operations({ service, range, scale }: { service: string; range: TimeRange; scale: Scale }) {
  const ops = useLoad(`${service} ${range.start} ${range.end}`, `ops ${service}`, (signal) =>
    loadOperations(service, range, signal),
  );
  if (ops.data === undefined) {
    return (
      <tr>
        <td colSpan={11}>
          {ops.error ? <ErrorState error={ops.error} retry={ops.retry} /> : <Skeleton rows={3} height={22} />}
        </td>
      </tr>
    );
  }
  return (
    <>
      {ops.data.map((op) => (
        <tr key={op.name} class="operation">
          <td class="operation-name clip" colSpan={2}>
            <Link data-row to={href('/traces', { service, operation: op.name })}>
              {op.name}
            </Link>
          </td>
          <SignalCells signals={op.signals} scale={scale} />
          <td colSpan={3} />
        </tr>
      ))}
    </>
  );
}
