// All that the home page shows, asked for at once. The golden signals must come; the rest may fail by itself without taking
// the page along.

import * as jaeger from '../../api/jaeger';
import * as loki from '../../api/loki';
import * as prometheus from '../../api/prometheus';
import * as watchroom from '../../api/watchroom';
import { writeDuration } from '../../lib/duration';
import {
  alertsByService,
  CALLS,
  goldenSignals,
  healthByService,
  LATENCY,
  traffic,
  type ServiceHealth,
  type Signals,
  type TrafficBar,
} from '../../lib/red';
import { alignRange, rateWindow, stepFor, type TimeRange } from '../../lib/time-range';

export interface ServiceRow {
  name: string;
  signals: Signals | null;
  traffic: TrafficBar[];
  health: ServiceHealth | null;
  alerts: prometheus.Alert[];
  has: { traces: boolean; logs: boolean; metrics: boolean };
}

export interface HomeData {
  rows: ServiceRow[];
  firing: prometheus.Alert[];
  pending: number;
  /** Firing alerts that name no service in the list. */
  unplaced: prometheus.Alert[];
  status: watchroom.Status | null;
}

const optional = async <T>(work: Promise<T>, fallback: T): Promise<T> => {
  try {
    return await work;
  } catch {
    return fallback;
  }
};

export async function loadHome(range: TimeRange, signal: AbortSignal): Promise<HomeData> {
  const at = range.end;
  const whole = writeDuration((range.end - range.start) / 1000);
  const step = stepFor(range, 60);
  const grid = alignRange(range, step);
  const vector = (expr: string) => prometheus.queryVector(expr, at, signal);
  const [recent, all, latency, over, health, up, alerts, traceServices, logServices, status] = await Promise.all([
    vector(`sum by (service, span_kind) (rate(${CALLS}[1m]))`),
    vector(`sum by (service, span_kind, status_code) (rate(${CALLS}[${whole}]))`),
    vector(`sum by (service, span_kind, le) (rate(${LATENCY}[${whole}]))`),
    prometheus.queryRange(
      `sum by (service, span_kind, status_code) (rate(${CALLS}[${rateWindow(step)}]))`,
      grid,
      step,
      signal,
    ),
    optional(vector('watchroom_health_status'), []),
    optional(vector('up'), []),
    optional(prometheus.alerts(signal), []),
    optional(jaeger.services(signal), []),
    optional(loki.labelValues('service_name', signal), []),
    optional<watchroom.Status | null>(watchroom.status(signal), null),
  ]);

  const signals = goldenSignals(recent, all, latency);
  const bars = traffic(over, grid.start, grid.end, step);
  const healthOf = healthByService(health, up);
  const names = new Set([...signals.keys(), ...healthOf.keys(), ...traceServices, ...logServices]);
  names.delete('');
  const firing = alerts.filter((a) => a.state === 'firing');
  const placed = alertsByService(firing, names);
  const rows = [...names].map(
    (name): ServiceRow => ({
      name,
      signals: signals.get(name) ?? null,
      traffic: bars.get(name) ?? [],
      health: healthOf.get(name) ?? null,
      alerts: placed.of.get(name) ?? [],
      has: {
        traces: traceServices.includes(name) || signals.has(name),
        logs: logServices.includes(name),
        metrics: healthOf.has(name),
      },
    }),
  );
  rows.sort(
    (a, b) =>
      b.alerts.length - a.alerts.length ||
      Number(b.health?.state === 'unhealthy') - Number(a.health?.state === 'unhealthy') ||
      Number(b.signals?.entry ?? false) - Number(a.signals?.entry ?? false) ||
      (b.signals?.rate ?? -1) - (a.signals?.rate ?? -1) ||
      a.name.localeCompare(b.name),
  );
  return { rows, firing, pending: alerts.length - firing.length, unplaced: placed.rest, status };
}

export interface OperationRow {
  name: string;
  signals: Signals;
}

/** The signals of one service's operations, busiest first. */
export async function loadOperations(service: string, range: TimeRange, signal: AbortSignal): Promise<OperationRow[]> {
  const whole = writeDuration((range.end - range.start) / 1000);
  const one = `{service=${JSON.stringify(service)}}`;
  const vector = (expr: string) => prometheus.queryVector(expr, range.end, signal);
  const [recent, all, latency] = await Promise.all([
    vector(`sum by (span_name, span_kind) (rate(${CALLS}${one}[1m]))`),
    vector(`sum by (span_name, span_kind, status_code) (rate(${CALLS}${one}[${whole}]))`),
    vector(`sum by (span_name, span_kind, le) (rate(${LATENCY}${one}[${whole}]))`),
  ]);
  // Every operation counts here, entry or not: the name of the service is taken out, so that the kinds stand alone.
  const plain = <T extends { metric: prometheus.Labels }>(samples: T[]): T[] =>
    samples.map((s) => ({ ...s, metric: { ...s.metric, span_kind: '' } }));
  const signals = goldenSignals(plain(recent), plain(all), plain(latency), (m) => m['span_name'] ?? '');
  return [...signals]
    .map(([name, s]) => ({ name, signals: s }))
    .filter((row) => row.signals.rate > 0 || Number.isFinite(row.signals.errors))
    .sort((a, b) => b.signals.rate - a.signals.rate);
}
