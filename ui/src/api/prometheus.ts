// The Prometheus HTTP API, as far as the page uses it.

import { ApiError, getJson, type Params } from './http';
import type { TimeRange } from '../lib/time-range';

export type Labels = Record<string, string>;

/** Buckets of a native histogram: which bounds belong to it (0 upper, 1 lower, 2 neither, 3 both), lower, upper, count. */
export type Bucket = [number, string, string, string];

export interface NativeHistogram {
  count: string;
  sum: string;
  buckets?: Bucket[];
}

export interface VectorSample {
  metric: Labels;
  value: [number, string];
  histogram?: [number, NativeHistogram];
}

export interface Exemplar {
  labels: Labels;
  value: string;
  /** Seconds since the epoch. */
  timestamp: number;
}

export interface MatrixSeries {
  metric: Labels;
  values: [number, string][];
  histograms?: [number, NativeHistogram][];
}

export type InstantResult =
  | { resultType: 'vector'; result: VectorSample[] }
  | { resultType: 'matrix'; result: MatrixSeries[] }
  | { resultType: 'scalar' | 'string'; result: [number, string] };

export interface Alert {
  labels: Labels;
  annotations: Labels;
  state: 'pending' | 'firing';
  activeAt: string;
  value: string;
}

export interface Rule {
  type: 'alerting' | 'recording';
  name: string;
  query: string;
  state?: 'inactive' | 'pending' | 'firing' | 'unknown';
  duration?: number;
  keepFiringFor?: number;
  labels?: Labels;
  annotations?: Labels;
  alerts?: Alert[];
  health: string;
  lastError?: string;
  lastEvaluation?: string;
  evaluationTime?: number;
}

export interface RuleGroup {
  name: string;
  file: string;
  interval?: number;
  rules: Rule[];
  lastEvaluation?: string;
}

export interface Target {
  labels: Labels;
  discoveredLabels?: Labels;
  scrapePool: string;
  scrapeUrl: string;
  lastError: string;
  lastScrape: string;
  lastScrapeDuration: number;
  health: 'up' | 'down' | 'unknown';
  scrapeInterval?: string;
  scrapeTimeout?: string;
}

export interface MetricMeta {
  type: string;
  help: string;
  unit: string;
}

interface Envelope<T> {
  status: 'success' | 'error';
  data: T;
  error?: string;
  warnings?: string[];
}

async function ask<T>(path: string, params: Params, signal?: AbortSignal, form = false): Promise<T> {
  const envelope = await getJson<Envelope<T>>(`/api/v1/${path}`, params, signal, form);
  if (envelope.status !== 'success') throw new ApiError(envelope.error ?? 'the query failed', 200, path);
  return envelope.data;
}

export async function query(expr: string, atMs: number, signal?: AbortSignal): Promise<InstantResult> {
  const answer = await ask<InstantResult>('query', { query: expr, time: atMs / 1000 }, signal, true);
  // A sample is a number or a histogram; what reads numbers finds none in the latter.
  if (answer.resultType === 'vector') {
    for (const sample of answer.result) sample.value ??= [sample.histogram?.[0] ?? 0, 'NaN'];
  } else if (answer.resultType === 'matrix') {
    for (const series of answer.result) series.values ??= [];
  }
  return answer;
}

/** The samples of an instant query that gives a vector; nothing for any other shape. */
export async function queryVector(expr: string, atMs: number, signal?: AbortSignal): Promise<VectorSample[]> {
  const answer = await query(expr, atMs, signal);
  return answer.resultType === 'vector' ? answer.result : [];
}

export async function queryRange(
  expr: string,
  range: TimeRange,
  step: number,
  signal?: AbortSignal,
): Promise<MatrixSeries[]> {
  const params = { query: expr, start: range.start / 1000, end: range.end / 1000, step };
  const data = await ask<{ resultType: string; result: MatrixSeries[] }>('query_range', params, signal, true);
  for (const series of data.result) series.values ??= [];
  return data.result;
}

export function labelNames(match: string | undefined, signal?: AbortSignal): Promise<string[]> {
  return ask('labels', { 'match[]': match }, signal);
}

export function labelValues(name: string, match: string | undefined, signal?: AbortSignal): Promise<string[]> {
  return ask(`label/${encodeURIComponent(name)}/values`, { 'match[]': match }, signal);
}

export function metadata(signal?: AbortSignal): Promise<Record<string, MetricMeta[]>> {
  return ask('metadata', {}, signal);
}

export async function alerts(signal?: AbortSignal): Promise<Alert[]> {
  return (await ask<{ alerts: Alert[] }>('alerts', {}, signal)).alerts ?? [];
}

export async function rules(signal?: AbortSignal): Promise<RuleGroup[]> {
  return (await ask<{ groups: RuleGroup[] }>('rules', {}, signal)).groups ?? [];
}

export async function targets(signal?: AbortSignal): Promise<Target[]> {
  return (await ask<{ activeTargets: Target[] }>('targets', {}, signal)).activeTargets ?? [];
}

/** The exemplars of the series that an expression selects. */
export async function exemplars(expr: string, range: TimeRange, signal?: AbortSignal): Promise<{ seriesLabels: Labels; exemplars: Exemplar[] }[]> {
  return (await ask<{ seriesLabels: Labels; exemplars: Exemplar[] }[]>('query_exemplars', { query: expr, start: range.start / 1000, end: range.end / 1000 }, signal, true)) ?? [];
}
