// The Jaeger query API: services, operations, trace search and one trace. Times are microseconds.

import { ApiError, getJson, type Params } from './http';

export interface KeyValue {
  key: string;
  type?: string;
  value: unknown;
}

export interface JaegerLog {
  timestamp: number;
  fields: KeyValue[];
}

export interface Reference {
  refType: 'CHILD_OF' | 'FOLLOWS_FROM';
  traceID: string;
  spanID: string;
}

export interface JaegerSpan {
  traceID: string;
  spanID: string;
  operationName: string;
  references?: Reference[] | null;
  startTime: number;
  duration: number;
  tags?: KeyValue[] | null;
  logs?: JaegerLog[] | null;
  processID: string;
  warnings?: string[] | null;
}

export interface Process {
  serviceName: string;
  tags?: KeyValue[] | null;
}

export interface JaegerTrace {
  traceID: string;
  spans: JaegerSpan[];
  processes: Record<string, Process>;
}

export interface TraceSearch {
  service: string;
  operation: string;
  tags: Record<string, string>;
  minDuration: string;
  maxDuration: string;
  startMs: number;
  endMs: number;
  limit: number;
}

interface Envelope<T> {
  data: T | null;
  errors?: { code?: number; msg?: string }[] | null;
}

async function ask<T>(path: string, params: Params, signal?: AbortSignal): Promise<T | null> {
  const envelope = await getJson<Envelope<T>>(path, params, signal);
  const error = envelope.errors?.[0];
  if (error) throw new ApiError(error.msg ?? 'the search failed', error.code ?? 200, path);
  return envelope.data;
}

export async function services(signal?: AbortSignal): Promise<string[]> {
  return ((await ask<string[]>('/api/services', {}, signal)) ?? []).sort();
}

export async function operations(service: string, signal?: AbortSignal): Promise<string[]> {
  const path = `/api/services/${encodeURIComponent(service)}/operations`;
  return ((await ask<string[]>(path, {}, signal)) ?? []).sort();
}

/** The parameters of `/api/traces` for a search. */
export function searchParams(search: TraceSearch): Params {
  return {
    service: search.service,
    operation: search.operation,
    tags: Object.keys(search.tags).length > 0 ? JSON.stringify(search.tags) : undefined,
    minDuration: search.minDuration,
    maxDuration: search.maxDuration,
    start: Math.floor(search.startMs * 1000),
    end: Math.ceil(search.endMs * 1000),
    limit: search.limit,
  };
}

export async function searchTraces(search: TraceSearch, signal?: AbortSignal): Promise<JaegerTrace[]> {
  return (await ask<JaegerTrace[]>('/api/traces', searchParams(search), signal)) ?? [];
}

/** One trace by its id, or null when the server does not have it. */
export async function trace(id: string, signal?: AbortSignal): Promise<JaegerTrace | null> {
  try {
    const found = await ask<JaegerTrace[]>(`/api/traces/${encodeURIComponent(id)}`, {}, signal);
    return found?.[0] ?? null;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  }
}
