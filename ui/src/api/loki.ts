// The Loki API: log lines of a range, labels, and the live tail over a WebSocket.

import { getJson } from './http';
import type { Labels, MatrixSeries } from './prometheus';
import type { TimeRange } from '../lib/time-range';

export interface LogEntry {
  /** Unique within one page; survives merging of answers. */
  id: string;
  /** Nanoseconds since the epoch, as text: a number would lose the last digits. */
  ns: string;
  ms: number;
  line: string;
  /** Stream labels and structured metadata together. */
  fields: Labels;
}

export interface LokiStream {
  stream: Labels;
  values: [string, string, ...unknown[]][];
}

interface Envelope<T> {
  status: string;
  data: T;
}

/** One list of lines, newest first, out of the streams. */
export function entriesOf(streams: LokiStream[]): LogEntry[] {
  const entries: LogEntry[] = [];
  for (const { stream, values } of streams) {
    for (const [ns, line] of values) {
      entries.push({ id: '', ns, ms: Number(ns.slice(0, -6)) || 0, line, fields: stream });
    }
  }
  entries.sort((a, b) => (a.ns.length - b.ns.length || (a.ns < b.ns ? -1 : a.ns > b.ns ? 1 : 0)) * -1);
  const seen = new Map<string, number>();
  for (const entry of entries) {
    const base = `${entry.ns}:${entry.fields['span_id'] ?? ''}`;
    const n = seen.get(base) ?? 0;
    seen.set(base, n + 1);
    entry.id = n === 0 ? base : `${base}:${n}`;
  }
  return entries;
}

const ns = (ms: number) => `${Math.round(ms)}000000`;

export async function logs(expr: string, range: TimeRange, limit: number, signal?: AbortSignal): Promise<LogEntry[]> {
  const params = { query: expr, start: ns(range.start), end: ns(range.end), limit, direction: 'backward' };
  const answer = await getJson<Envelope<{ result: LokiStream[] }>>('/loki/api/v1/query_range', params, signal);
  return entriesOf(answer.data.result ?? []);
}

/** A query for numbers over the range, `step` in seconds. */
export async function metric(expr: string, range: TimeRange, step: number, signal?: AbortSignal): Promise<MatrixSeries[]> {
  const params = { query: expr, start: ns(range.start), end: ns(range.end), step };
  const answer = await getJson<Envelope<{ resultType: string; result: MatrixSeries[] }>>('/loki/api/v1/query_range', params, signal);
  return answer.data.resultType === 'matrix' ? (answer.data.result ?? []) : [];
}

export async function labelNames(signal?: AbortSignal): Promise<string[]> {
  return (await getJson<Envelope<string[]>>('/loki/api/v1/labels', {}, signal)).data ?? [];
}

export async function labelValues(name: string, signal?: AbortSignal): Promise<string[]> {
  const path = `/loki/api/v1/label/${encodeURIComponent(name)}/values`;
  return (await getJson<Envelope<string[]>>(path, {}, signal)).data ?? [];
}

export interface Tail {
  close(): void;
}

/** Follows a query. Opens again by itself, waiting longer each time, until closed. */
export function tail(
  expr: string,
  onEntries: (entries: LogEntry[]) => void,
  onState: (state: 'connecting' | 'open' | 'lost') => void,
): Tail {
  let socket: WebSocket | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let wait = 500;
  let closed = false;
  const open = () => {
    onState('connecting');
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    const params = new URLSearchParams({ query: expr, limit: '100' });
    socket = new WebSocket(`${scheme}://${location.host}/loki/api/v1/tail?${params}`);
    socket.onopen = () => {
      wait = 500;
      onState('open');
    };
    socket.onmessage = (event) => {
      const message = JSON.parse(String(event.data)) as { streams?: LokiStream[] | null };
      if (message.streams && message.streams.length > 0) onEntries(entriesOf(message.streams));
    };
    socket.onclose = () => {
      if (closed) return;
      onState('lost');
      timer = setTimeout(open, wait);
      wait = Math.min(wait * 2, 10_000);
    };
  };
  open();
  return {
    close() {
      closed = true;
      clearTimeout(timer);
      socket?.close();
    },
  };
}
