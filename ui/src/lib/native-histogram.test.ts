import { expect, test } from 'vitest';
import type { NativeHistogram } from '../api/prometheus';
import { boundsOf, gridOf, meanOf } from './native-histogram';

const h = (...buckets: [number, string, string, string][]): NativeHistogram => ({ count: '4', sum: '10', buckets });

test('the buckets of all moments share one list of rows', () => {
  const grid = gridOf([
    [1, h([0, '1', '2', '3'])],
    [2, h([0, '0.5', '1', '1'], [0, '1', '2', '5'])],
    [3, { count: '0', sum: '0' }],
  ]);
  expect(grid.rows).toEqual([
    { lower: 0.5, upper: 1 },
    { lower: 1, upper: 2 },
  ]);
  expect(grid.columns.map((c) => c.counts)).toEqual([[0, 3], [1, 5], [0, 0]]);
  expect(grid.most).toBe(5);
});

test('too many buckets are taken together', () => {
  const many = h(...Array.from({ length: 100 }, (_, i): [number, string, string, string] => [0, String(i), String(i + 1), '1']));
  const grid = gridOf([[1, many]], 10);
  expect(grid.rows).toHaveLength(10);
  expect(grid.columns[0]?.counts).toEqual(Array(10).fill(10));
  expect(grid.rows[0]).toEqual({ lower: 0, upper: 10 });
});

test('bounds are written by their rule', () => {
  expect(boundsOf([0, '1', '2', '3'])).toBe('(1, 2]');
  expect(boundsOf([3, '-1', '1', '3'])).toBe('[-1, 1]');
  expect(meanOf(h())).toBe(2.5);
});
