// A trace as a tree: parents found, orphans kept as roots, clock and order made plain. The waterfall, the search results
// and the span panel all read this one form. Times are microseconds; a span's `offset` counts from the trace's start.

import type { JaegerLog, JaegerSpan, JaegerTrace, KeyValue, Reference } from '../api/jaeger';

export interface Span {
  id: string;
  traceId: string;
  parentId: string | null;
  name: string;
  service: string;
  processId: string;
  kind: string;
  start: number;
  offset: number;
  duration: number;
  /** Time not covered by any child. */
  self: number;
  depth: number;
  error: boolean;
  /** An error in this span or anywhere below it. */
  errorBelow: boolean;
  /** Its parent is named but not in the trace. */
  orphan: boolean;
  children: Span[];
  /** Spans below this one. */
  descendants: number;
  tags: KeyValue[];
  logs: JaegerLog[];
  links: Reference[];
  warnings: string[];
}

export interface TraceTree {
  traceId: string;
  start: number;
  duration: number;
  roots: Span[];
  /** Depth first, siblings by start. */
  spans: Span[];
  byId: Map<string, Span>;
  services: { name: string; spans: number; errors: number }[];
  errors: number;
  maxDepth: number;
  processes: JaegerTrace['processes'];
}

export function tagValue(tags: KeyValue[] | null | undefined, key: string): unknown {
  return tags?.find((tag) => tag.key === key)?.value;
}

export function isError(span: JaegerSpan): boolean {
  const error = tagValue(span.tags, 'error');
  if (error === true || error === 'true') return true;
  return tagValue(span.tags, 'otel.status_code') === 'ERROR';
}

function parentOf(span: JaegerSpan): string | null {
  const own = (span.references ?? []).filter((r) => r.traceID === span.traceID);
  return (own.find((r) => r.refType === 'CHILD_OF') ?? null)?.spanID ?? null;
}

function selfTime(span: Span): number {
  if (span.children.length === 0) return span.duration;
  const parts = span.children
    .map((c) => [Math.max(c.start, span.start), Math.min(c.start + c.duration, span.start + span.duration)] as const)
    .filter(([from, to]) => to > from)
    .sort((a, b) => a[0] - b[0]);
  let covered = 0;
  let reach = -Infinity;
  for (const [from, to] of parts) {
    if (to <= reach) continue;
    covered += to - Math.max(from, reach);
    reach = to;
  }
  return Math.max(0, span.duration - covered);
}

/** Builds the tree. Never fails: duplicate ids keep the first, cycles are cut, and orphans become roots. */
export function buildTree(trace: JaegerTrace): TraceTree {
  const byId = new Map<string, Span>();
  let start = Infinity;
  let end = -Infinity;
  for (const raw of trace.spans) {
    if (byId.has(raw.spanID)) continue;
    const error = isError(raw);
    const parentId = parentOf(raw);
    byId.set(raw.spanID, {
      id: raw.spanID,
      traceId: raw.traceID,
      parentId,
      name: raw.operationName,
      service: trace.processes[raw.processID]?.serviceName ?? 'unknown',
      processId: raw.processID,
      kind: String(tagValue(raw.tags, 'span.kind') ?? 'internal'),
      start: raw.startTime,
      offset: 0,
      duration: raw.duration,
      self: raw.duration,
      depth: 0,
      error,
      errorBelow: error,
      orphan: false,
      children: [],
      descendants: 0,
      tags: raw.tags ?? [],
      logs: raw.logs && raw.logs.length > 1 ? [...raw.logs].sort((a, b) => a.timestamp - b.timestamp) : (raw.logs ?? []),
      links: (raw.references ?? []).filter((r) => !(r.traceID === raw.traceID && r.spanID === parentId)),
      warnings: raw.warnings ?? [],
    });
    start = Math.min(start, raw.startTime);
    end = Math.max(end, raw.startTime + raw.duration);
  }

  const roots: Span[] = [];
  for (const span of byId.values()) {
    const parent = span.parentId ? byId.get(span.parentId) : undefined;
    if (parent && parent !== span) parent.children.push(span);
    else {
      span.orphan = span.parentId !== null;
      roots.push(span);
    }
  }
  const reached = new Set<Span>();
  const reach = (from: Span) => {
    const stack = [from];
    for (let span = stack.pop(); span; span = stack.pop()) {
      if (reached.has(span)) continue;
      reached.add(span);
      stack.push(...span.children);
    }
  };
  roots.forEach(reach);
  for (const span of byId.values()) {
    if (reached.has(span)) continue;
    const parent = byId.get(span.parentId ?? '');
    if (parent) parent.children = parent.children.filter((c) => c !== span);
    span.orphan = true;
    roots.push(span);
    reach(span);
  }

  const byStart = (a: Span, b: Span) => a.start - b.start || b.duration - a.duration;
  roots.sort(byStart);
  const spans: Span[] = [];
  const stack = [...roots].reverse();
  for (let span = stack.pop(); span; span = stack.pop()) {
    span.offset = span.start - start;
    span.children.sort(byStart);
    spans.push(span);
    for (let i = span.children.length - 1; i >= 0; i--) {
      const child = span.children[i];
      if (!child) continue;
      child.depth = span.depth + 1;
      stack.push(child);
    }
  }
  for (let i = spans.length - 1; i >= 0; i--) {
    const span = spans[i];
    if (!span) continue;
    span.self = selfTime(span);
    for (const child of span.children) {
      span.descendants += 1 + child.descendants;
      span.errorBelow ||= child.errorBelow;
    }
  }

  const services = new Map<string, { name: string; spans: number; errors: number }>();
  let errors = 0;
  let maxDepth = 0;
  for (const span of spans) {
    const entry = services.get(span.service) ?? { name: span.service, spans: 0, errors: 0 };
    entry.spans++;
    if (span.error) {
      entry.errors++;
      errors++;
    }
    maxDepth = Math.max(maxDepth, span.depth);
    services.set(span.service, entry);
  }
  return {
    traceId: trace.traceID,
    start: Number.isFinite(start) ? start : 0,
    duration: Number.isFinite(end) ? end - start : 0,
    roots,
    spans,
    byId,
    services: [...services.values()].sort((a, b) => b.spans - a.spans),
    errors,
    maxDepth,
    processes: trace.processes,
  };
}

/** The rows of the waterfall: depth first, without what lies below a collapsed span. */
export function visibleSpans(tree: TraceTree, collapsed: ReadonlySet<string>): Span[] {
  if (collapsed.size === 0) return tree.spans;
  const rows: Span[] = [];
  for (let i = 0; i < tree.spans.length; i++) {
    const span = tree.spans[i];
    if (!span) continue;
    rows.push(span);
    if (collapsed.has(span.id)) i += span.descendants;
  }
  return rows;
}

/** The spans that hold every word of the text in name, service, id, kind, tags or events. Case is ignored. */
export function searchSpans(tree: TraceTree, text: string): Span[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return [];
  return tree.spans.filter((span) => {
    const pairs = [...span.tags, ...span.logs.flatMap((l) => l.fields)].map((t) => `${t.key}=${String(t.value)}`);
    const hay = [span.name, span.service, span.id, span.kind, span.error ? 'error' : '', ...pairs].join('\n').toLowerCase();
    return words.every((word) => hay.includes(word));
  });
}

/** Ids of the ancestors of a span, nearest first. */
export function ancestors(tree: TraceTree, id: string): string[] {
  const out: string[] = [];
  let span = tree.byId.get(id);
  while (span?.parentId && out.length <= tree.spans.length) {
    const parent = tree.byId.get(span.parentId);
    if (!parent) break;
    out.push(parent.id);
    span = parent;
  }
  return out;
}

/** Round marks for a ruler over `[from, to]`, at most `most` of them. */
export function rulerMarks(from: number, to: number, most: number): number[] {
  const span = to - from;
  if (!(span > 0) || most < 1) return [];
  const rough = span / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((m) => m * power >= rough) ?? 10) * power;
  const marks: number[] = [];
  for (let i = Math.ceil(from / step); i * step <= to; i++) marks.push(i * step);
  return marks;
}
