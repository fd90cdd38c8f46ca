// The server's own questions about many spans: search by expression, RED by group, comparison, service graph, critical path.

import { getJson } from './http';
import type { Labels } from './prometheus';
import type { TimeRange } from '../lib/time-range';

export interface Coverage {
  looked_at: number;
  matched: number;
  /** A limit ended the look: older spans were not seen. */
  partial: boolean;
}

export interface Stats {
  count: number;
  errors: number;
  p50_ns: number | null;
  p95_ns: number | null;
  p99_ns: number | null;
}

export interface FoundTrace {
  trace_id: string;
  service: string;
  name: string;
  start_ms: number;
  duration_ns: number;
  spans: number;
  errors: number;
  services: { name: string; spans: number; errors: number }[];
  matched: number;
  matched_spans: { span_id: string; service: string; name: string; duration_ns: number; error: boolean }[];
}

export interface DurationHistogram {
  start_ms: number;
  step_ms: number;
  /** Upper bounds; null for one without. */
  bounds_ns: (number | null)[];
  /** By step, then by bucket. */
  counts: number[][];
  errors: number[];
  coverage: Coverage;
}

export interface RedGroup {
  values: (string | null)[];
  total: Stats;
  count: number[];
  errors: number[];
  p50_ns: (number | null)[];
  p95_ns: (number | null)[];
  p99_ns: (number | null)[];
}

export interface Red {
  by: string[];
  start_ms: number;
  step_ms: number;
  steps: number;
  total: Stats;
  groups: RedGroup[];
  other: RedGroup | null;
  other_groups: number;
  coverage: Coverage;
}

export interface Contrast {
  value: string;
  condition: string;
  selected: number;
  rest: number;
  difference: number;
  z: number;
  significant: boolean;
}

export interface KeyContrast {
  field: string;
  distance: number;
  n_values: number;
  values: Contrast[];
}

export interface Comparison {
  selected: number;
  rest: number;
  keys: KeyContrast[];
  coverage: Coverage;
}

export interface GraphNode {
  name: string;
  kind: 'service' | 'database' | 'queue';
  sends_spans: boolean;
  stats: Stats;
}

export interface GraphEdge {
  client: string;
  server: string;
  stats: Stats;
}

export interface ServiceGraph {
  start_ms: number;
  end_ms: number;
  nodes: GraphNode[];
  edges: GraphEdge[];
  given_up: number;
  coverage: Coverage;
}

export interface CriticalPath {
  total_ns: number;
  parts: { span_id: string; start_ms: number; duration_ns: number }[];
  spans: { span_id: string; service: string; name: string; self_ns: number }[];
}

export interface FieldValues {
  field: string;
  n_values: number;
  values: { value: string; condition: string; spans: number }[];
}

export interface TraceExemplar {
  series: Labels;
  labels: Labels;
  value: number;
  time_ms: number;
}

const window = (range: TimeRange) => ({
  start: `${Math.floor(range.start)}000000`,
  end: `${Math.ceil(range.end)}999999`,
});

const BASE = '/api/watchroom/traces';

export function search(q: string, range: TimeRange, limit: number, signal?: AbortSignal) {
  return getJson<{ traces: FoundTrace[]; coverage: Coverage }>(`${BASE}/search`, { q, ...window(range), limit }, signal);
}

export function histogram(q: string, range: TimeRange, step: number, signal?: AbortSignal): Promise<DurationHistogram> {
  return getJson(`${BASE}/histogram`, { q, ...window(range), step }, signal);
}

export function red(q: string, by: string[], range: TimeRange, step: number, groups: number, signal?: AbortSignal): Promise<Red> {
  return getJson(`${BASE}/red`, { q, by, ...window(range), step, groups }, signal);
}

export function compare(q: string, selection: string, range: TimeRange, signal?: AbortSignal): Promise<Comparison> {
  return getJson(`${BASE}/compare`, { q, selection, ...window(range) }, signal);
}

export async function fields(q: string, range: TimeRange, signal?: AbortSignal): Promise<FieldValues[]> {
  return (await getJson<{ fields: FieldValues[] }>(`${BASE}/attributes`, { q, ...window(range) }, signal)).fields;
}

export function graph(q: string, range: TimeRange, signal?: AbortSignal): Promise<ServiceGraph> {
  return getJson(`${BASE}/graph`, { q, ...window(range) }, signal);
}

export function criticalPath(id: string, signal?: AbortSignal): Promise<CriticalPath> {
  return getJson(`${BASE}/${encodeURIComponent(id)}/path`, {}, signal);
}

export async function exemplars(id: string, signal?: AbortSignal): Promise<TraceExemplar[]> {
  return (await getJson<{ exemplars: TraceExemplar[] }>(`${BASE}/${encodeURIComponent(id)}/exemplars`, {}, signal)).exemplars;
}
