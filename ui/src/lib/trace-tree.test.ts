// Traces as trees, from the shapes that real stores answer with.

import { describe, expect, test } from 'vitest';
import type { JaegerSpan, JaegerTrace } from '../api/jaeger';
import { ancestors, buildTree, rulerMarks, searchSpans, visibleSpans } from './trace-tree';
import { summarise, sortSummaries } from './trace-search';

function span(id: string, parent: string | null, start: number, duration: number, more: Partial<JaegerSpan> = {}): JaegerSpan {
  return {
    traceID: 't',
    spanID: id,
    operationName: `op-${id}`,
    references: parent ? [{ refType: 'CHILD_OF', traceID: 't', spanID: parent }] : [],
    startTime: start,
    duration,
    processID: 'p1',
    ...more,
  };
}

function trace(...spans: JaegerSpan[]): JaegerTrace {
  return { traceID: 't', spans, processes: { p1: { serviceName: 'server' }, p2: { serviceName: 'client' } } };
}

const ids = (spans: { id: string }[]) => spans.map((s) => s.id).join(' ');

describe('the tree', () => {
  test('is depth first with siblings by start', () => {
    const tree = buildTree(trace(span('c', 'a', 30, 5), span('a', null, 0, 100), span('b', 'a', 10, 10), span('d', 'b', 12, 3)));
    expect(ids(tree.spans)).toBe('a b d c');
    expect(tree.spans.map((s) => s.depth)).toEqual([0, 1, 2, 1]);
    expect(tree.spans.map((s) => s.descendants)).toEqual([3, 1, 0, 0]);
    expect([tree.start, tree.duration, tree.maxDepth]).toEqual([0, 100, 2]);
  });
  test('keeps a span whose parent is missing as a root', () => {
    const tree = buildTree(trace(span('a', null, 0, 10), span('b', 'gone', 5, 1)));
    expect(ids(tree.roots)).toBe('a b');
    expect(tree.byId.get('b')?.orphan).toBe(true);
  });
  test('cuts a cycle instead of losing its spans', () => {
    const tree = buildTree(trace(span('a', 'b', 0, 10), span('b', 'a', 1, 5), span('c', 'c', 2, 1)));
    expect(tree.spans.map((s) => s.id).sort()).toEqual(['a', 'b', 'c']);
  });
  test('keeps the first of two spans with one id', () => {
    expect(buildTree(trace(span('a', null, 0, 10), span('a', null, 5, 99))).duration).toBe(10);
  });
  test('of no spans is empty', () => {
    const tree = buildTree(trace());
    expect([tree.spans.length, tree.start, tree.duration]).toEqual([0, 0, 0]);
  });
  test('own time is what no child covers, overlaps counted once', () => {
    const tree = buildTree(trace(span('a', null, 0, 100), span('b', 'a', 10, 30), span('c', 'a', 20, 40), span('d', 'a', 90, 50)));
    expect(tree.byId.get('a')?.self).toBe(100 - 50 - 10);
  });
  test('a failed span marks the way up to the root', () => {
    const failed = { tags: [{ key: 'error', value: true }] };
    const tree = buildTree(trace(span('a', null, 0, 9), span('b', 'a', 1, 5), span('c', 'b', 2, 1, failed)));
    expect(tree.spans.map((s) => [s.error, s.errorBelow])).toEqual([[false, true], [false, true], [true, true]]);
    expect(tree.errors).toBe(1);
  });
  test('a status code of ERROR is an error too', () => {
    const failed = { tags: [{ key: 'otel.status_code', value: 'ERROR' }] };
    expect(buildTree(trace(span('a', null, 0, 9, failed))).errors).toBe(1);
  });
  test('references to other traces are links, not parents', () => {
    const linked = { references: [{ refType: 'FOLLOWS_FROM' as const, traceID: 'other', spanID: 'x' }] };
    const tree = buildTree(trace(span('a', null, 0, 9, linked)));
    expect(tree.roots.length).toBe(1);
    expect(tree.roots[0]?.links).toHaveLength(1);
    expect(tree.roots[0]?.orphan).toBe(false);
  });
  test('counts spans by service', () => {
    const tree = buildTree(trace(span('a', null, 0, 9, { processID: 'p2' }), span('b', 'a', 1, 5), span('c', 'a', 2, 1)));
    expect(tree.services).toEqual([{ name: 'server', spans: 2, errors: 0 }, { name: 'client', spans: 1, errors: 0 }]);
  });
  test('holds fifty thousand spans in one chain without running out of stack', () => {
    const chain = Array.from({ length: 50_000 }, (_, i) => span(`s${i}`, i ? `s${i - 1}` : null, i, 100_000 - i));
    const tree = buildTree(trace(...chain));
    expect([tree.spans.length, tree.maxDepth, tree.roots[0]?.descendants]).toEqual([50_000, 49_999, 49_999]);
  });
});

const sample = buildTree(
  trace(
    span('a', null, 0, 100),
    span('b', 'a', 10, 10, { tags: [{ key: 'function', value: 'slow/v1' }] }),
    span('d', 'b', 12, 3),
    span('c', 'a', 30, 5, { logs: [{ timestamp: 31, fields: [{ key: 'event', value: 'Evicted' }] }] }),
  ),
);

test('a closed branch hides all below it', () => {
  expect(ids(visibleSpans(sample, new Set()))).toBe('a b d c');
  expect(ids(visibleSpans(sample, new Set(['b'])))).toBe('a b c');
  expect(ids(visibleSpans(sample, new Set(['a', 'b'])))).toBe('a');
});

test('search reads names, attributes and events, and wants every word', () => {
  expect(ids(searchSpans(sample, 'slow'))).toBe('b');
  expect(ids(searchSpans(sample, 'function=SLOW op-b'))).toBe('b');
  expect(ids(searchSpans(sample, 'evicted'))).toBe('c');
  expect(ids(searchSpans(sample, 'slow evicted'))).toBe('');
  expect(ids(searchSpans(sample, '  '))).toBe('');
});

test('ancestors are nearest first', () => {
  expect(ancestors(sample, 'd')).toEqual(['b', 'a']);
  expect(ancestors(sample, 'nobody')).toEqual([]);
});

test('ruler marks are round and few', () => {
  expect(rulerMarks(0, 2850, 6)).toEqual([0, 500, 1000, 1500, 2000, 2500]);
  expect(rulerMarks(120, 180, 3)).toEqual([120, 140, 160, 180]);
  expect(rulerMarks(5, 5, 4)).toEqual([]);
});

test('a summary speaks of the true root, even when an orphan begins before it', () => {
  const found = summarise(trace(span('x', 'gone', 0, 1), span('a', null, 5, 10, { processID: 'p2' })));
  expect([found.name, found.service, found.spans, found.duration]).toEqual(['op-a', 'client', 2, 15]);
});

test('summaries sort by what is asked for', () => {
  const list = [10, 30, 20].map((d, i) => summarise(trace(span(`${i}`, null, i * 1000, d))));
  expect(sortSummaries(list, 'longest').map((t) => t.duration)).toEqual([30, 20, 10]);
  expect(sortSummaries(list, 'recent').map((t) => t.duration)).toEqual([20, 30, 10]);
});
