// The trace search form's text fields, and what a found trace comes down to in the list and the scatter.

import type { JaegerTrace } from '../api/jaeger';
import { buildTree } from './trace-tree';

/** Tags written as `key=value key2="with space"`, or why they cannot be read. */
export function parseTags(text: string): { tags: Record<string, string> } | { error: string } {
  const tags: Record<string, string> = {};
  let rest = text.trim();
  while (rest) {
    const match = /^([^\s="]+)=("(?:[^"\\]|\\.)*"|[^\s"]*)(?:\s+|$)/.exec(rest);
    if (!match) {
      const word = rest.split(/\s/)[0];
      return { error: `“${word}” is not a tag: write key=value, with quotes around a value that holds a space` };
    }
    const [whole, key, raw] = match as unknown as [string, string, string];
    tags[key] = raw.startsWith('"') ? raw.slice(1, -1).replace(/\\(.)/g, '$1') : raw;
    rest = rest.slice(whole.length);
  }
  return { tags };
}

/** One tag as `parseTags` reads it back. */
export function writeTag(key: string, value: string): string {
  return /^[^\s"\\]+$/.test(value) ? `${key}=${value}` : `${key}="${value.replace(/["\\]/g, '\\$&')}"`;
}

/** Adds or replaces one tag in the field's text. */
export function withTag(text: string, key: string, value: string): string {
  const parsed = parseTags(text);
  const tags = 'tags' in parsed ? parsed.tags : {};
  return Object.entries({ ...tags, [key]: value })
    .map(([k, v]) => writeTag(k, v))
    .join(' ');
}

/** Whether a duration field is empty or a duration that the search takes. */
export function durationFieldError(text: string): string | null {
  if (!text || /^\d+(\.\d+)?(us|µs|ms|s|m|h)$/.test(text)) return null;
  return 'write a number and a unit: 250us, 1.5ms, 2s';
}

export interface TraceSummary {
  id: string;
  /** Of the root span. */
  name: string;
  service: string;
  startMs: number;
  /** Microseconds, of the whole trace. */
  duration: number;
  spans: number;
  errors: number;
  services: { name: string; spans: number; errors: number }[];
  /** Spans that an expression selected, and the first of them. */
  matched?: number;
  first?: string;
}

export function summarise(trace: JaegerTrace): TraceSummary {
  const tree = buildTree(trace);
  const root = tree.roots.find((r) => !r.orphan) ?? tree.roots[0];
  return {
    id: trace.traceID,
    name: root?.name ?? '(no spans)',
    service: root?.service ?? 'unknown',
    startMs: tree.start / 1000,
    duration: tree.duration,
    spans: tree.spans.length,
    errors: tree.errors,
    services: tree.services,
  };
}

export type SortOrder = 'recent' | 'longest' | 'shortest' | 'spans';

export function sortSummaries(list: TraceSummary[], order: SortOrder): TraceSummary[] {
  const by: Record<SortOrder, (a: TraceSummary, b: TraceSummary) => number> = {
    recent: (a, b) => b.startMs - a.startMs,
    longest: (a, b) => b.duration - a.duration,
    shortest: (a, b) => a.duration - b.duration,
    spans: (a, b) => b.spans - a.spans,
  };
  return [...list].sort(by[order]);
}
