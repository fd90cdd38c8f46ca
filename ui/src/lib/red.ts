// The golden signals of each service, computed from the span metrics that the server derives at ingest. A service's own
// work is its entry spans (kinds server and consumer); one that has none, such as a client or a batch job, is judged by
// all its spans.

import type { Alert, Labels, MatrixSeries, VectorSample } from '../api/prometheus';
import { bucketQuantile, mergeBuckets, type Bucket } from './quantile';

export const CALLS = 'traces_spanmetrics_calls_total';
export const LATENCY = 'traces_spanmetrics_latency_bucket';

export interface Signals {
  /** Requests a second. */
  rate: number;
  /** Failed share, 0 to 1; NaN without requests. */
  errors: number;
  p50: number;
  p95: number;
  p99: number;
  /** Measured at entry spans; a caller's own calls are counted again by whom it calls. */
  entry: boolean;
}

export function isEntry(kind: string | undefined): boolean {
  return /(^|_)(SERVER|CONSUMER)$/i.test(kind ?? '');
}

export function isFailed(status: string | undefined): boolean {
  return /(^|_)ERROR$/i.test(status ?? '');
}

/** Which services have entry spans at all. */
export function servicesWithEntry(samples: { metric: Labels }[]): Set<string> {
  return new Set(samples.filter((s) => isEntry(s.metric['span_kind'])).map((s) => s.metric['service'] ?? ''));
}

/** Keeps what counts for a service: entry spans where it has some, else everything. */
export function entryOnly<T extends { metric: Labels }>(samples: T[], withEntry: Set<string>): T[] {
  return samples.filter((s) => isEntry(s.metric['span_kind']) || !withEntry.has(s.metric['service'] ?? ''));
}

/**
 * Signals by a key of the sample (its service, or its span name).
 *
 * `recent` and `whole` are rates of calls over a short window and the whole range, `latency` rates of the latency buckets
 * over the whole range; all three by service, kind and status or bound.
 */
export function goldenSignals(
  recent: VectorSample[],
  whole: VectorSample[],
  latency: VectorSample[],
  keyOf: (metric: Labels) => string = (m) => m['service'] ?? '',
): Map<string, Signals> {
  const withEntry = servicesWithEntry([...recent, ...whole, ...latency]);
  const out = new Map<string, Signals>();
  const slot = (key: string): Signals => {
    const found = out.get(key) ?? { rate: 0, errors: NaN, p50: NaN, p95: NaN, p99: NaN, entry: false };
    out.set(key, found);
    return found;
  };
  for (const s of entryOnly(recent, withEntry)) {
    const signals = slot(keyOf(s.metric));
    signals.rate += Number(s.value[1]);
    signals.entry ||= isEntry(s.metric['span_kind']);
  }
  const calls = new Map<string, { all: number; failed: number }>();
  for (const s of entryOnly(whole, withEntry)) {
    const key = keyOf(s.metric);
    const sums = calls.get(key) ?? { all: 0, failed: 0 };
    const value = Number(s.value[1]);
    sums.all += value;
    if (isFailed(s.metric['status_code'])) sums.failed += value;
    calls.set(key, sums);
  }
  for (const [key, { all, failed }] of calls) slot(key).errors = all > 0 ? failed / all : NaN;
  const buckets = new Map<string, Bucket[]>();
  for (const s of entryOnly(latency, withEntry)) {
    const key = keyOf(s.metric);
    const le = s.metric['le'] === '+Inf' ? Infinity : Number(s.metric['le']);
    const list = buckets.get(key) ?? [];
    list.push({ le, count: Number(s.value[1]) });
    buckets.set(key, list);
  }
  for (const [key, list] of buckets) {
    const merged = mergeBuckets(list);
    const signals = slot(key);
    signals.p50 = bucketQuantile(0.5, merged);
    signals.p95 = bucketQuantile(0.95, merged);
    signals.p99 = bucketQuantile(0.99, merged);
  }
  return out;
}

/** One bar of the traffic strip. */
export interface TrafficBar {
  ms: number;
  rate: number;
  failed: number;
}

/** Traffic over time by service, on the grid of the range. */
export function traffic(series: MatrixSeries[], startMs: number, endMs: number, step: number): Map<string, TrafficBar[]> {
  const withEntry = servicesWithEntry(series);
  const n = Math.floor((endMs - startMs) / (step * 1000)) + 1;
  const out = new Map<string, TrafficBar[]>();
  for (const { metric, values } of entryOnly(series, withEntry)) {
    const service = metric['service'] ?? '';
    const bars =
      out.get(service) ?? Array.from({ length: n }, (_, i) => ({ ms: startMs + i * step * 1000, rate: 0, failed: 0 }));
    for (const [at, value] of values) {
      const bar = bars[Math.round((at * 1000 - startMs) / (step * 1000))];
      if (!bar) continue;
      const number = Number(value);
      if (!Number.isFinite(number)) continue;
      bar.rate += number;
      if (isFailed(metric['status_code'])) bar.failed += number;
    }
    out.set(service, bars);
  }
  return out;
}

/** The service that a metric or an alert speaks of, by the labels that name one. */
export function serviceOf(labels: Labels): string | null {
  return labels['service_name'] ?? labels['service'] ?? labels['job'] ?? null;
}

/** Alerts by the service they name, and those that name none that is known. */
export function alertsByService(alerts: Alert[], known: Iterable<string>): { of: Map<string, Alert[]>; rest: Alert[] } {
  const names = new Set(known);
  const of = new Map<string, Alert[]>();
  const rest: Alert[] = [];
  for (const alert of alerts) {
    const service = serviceOf(alert.labels);
    if (service && names.has(service)) of.set(service, [...(of.get(service) ?? []), alert]);
    else rest.push(alert);
  }
  return { of, rest };
}

export type HealthState = 'healthy' | 'unhealthy' | 'unknown';

export interface ServiceHealth {
  state: HealthState;
  /** Components that are not well, or the reason that the service is. */
  unwell: string[];
  components: number;
}

/** Health by service from `watchroom_health_status` and `up`. */
export function healthByService(status: VectorSample[], up: VectorSample[]): Map<string, ServiceHealth> {
  const out = new Map<string, ServiceHealth>();
  const slot = (service: string): ServiceHealth => {
    const found = out.get(service) ?? { state: 'healthy' as HealthState, unwell: [], components: 0 };
    out.set(service, found);
    return found;
  };
  for (const { metric, value } of status) {
    const health = slot(serviceOf(metric) ?? '');
    health.components++;
    if (Number(value[1]) < 1) {
      health.state = 'unhealthy';
      health.unwell.push(metric['component'] ?? 'component');
    }
  }
  for (const { metric, value } of up) {
    if (Number(value[1]) >= 1) {
      slot(metric['job'] ?? '');
      continue;
    }
    const health = slot(metric['job'] ?? '');
    health.state = 'unhealthy';
    health.unwell.push(`scrape of ${metric['instance'] ?? 'its target'}`);
  }
  out.delete('');
  return out;
}
