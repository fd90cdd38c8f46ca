import { expect, test } from 'vitest';
import { tracesOf } from './exemplars';

test('each stretch of time keeps its highest exemplar that names a trace', () => {
  const e = (timestamp: number, value: string, labels: Record<string, string>) => ({ timestamp, value, labels });
  const found = [
    { seriesLabels: { le: '1' }, exemplars: [e(1, '0.5', { trace_id: 'a', span_id: 's' }), e(1.5, '0.7', { traceID: 'b' }), e(2, '9', { user: 'u' })] },
    { seriesLabels: { le: '2' }, exemplars: [e(8, '2', { trace_id: 'c' }), e(9, 'NaN', { trace_id: 'd' })] },
  ];
  const marks = tracesOf(found, 0, 10_000, 2);
  expect(marks.map((m) => [m.traceId, m.at, m.spanId])).toEqual([
    ['b', 1.5, undefined],
    ['c', 8, undefined],
  ]);
  expect(tracesOf(found, 0, 10_000, 100)).toHaveLength(3);
});
