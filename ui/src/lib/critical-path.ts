// The critical path as the page draws it: microseconds from the trace's start, by span.

import type { CriticalPath } from '../api/traces';

export interface PathOfTrace {
  /** Microseconds on the path. */
  total: number;
  /** Stretches by span, as offsets from the trace's start in microseconds. */
  parts: Map<string, { from: number; to: number }[]>;
  /** Own time on the path by span, in microseconds. */
  self: Map<string, number>;
  /** The spans on the path, longest own time first. */
  spans: { id: string; service: string; name: string; self: number }[];
}

export function pathOf(path: CriticalPath, traceStart: number): PathOfTrace {
  const parts = new Map<string, { from: number; to: number }[]>();
  for (const part of path.parts) {
    const from = part.start_ms * 1000 - traceStart;
    const list = parts.get(part.span_id) ?? [];
    list.push({ from, to: from + part.duration_ns / 1000 });
    parts.set(part.span_id, list);
  }
  const spans = path.spans.map((s) => ({ id: s.span_id, service: s.service, name: s.name, self: s.self_ns / 1000 }));
  return { total: Math.max(0.001, path.total_ns / 1000), parts, self: new Map(spans.map((s) => [s.id, s.self])), spans };
}
