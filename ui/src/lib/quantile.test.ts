// Histogram quantiles against values worked out by hand from Prometheus's rule.

import { expect, test } from 'vitest';
import { bucketQuantile, mergeBuckets } from './quantile';

const buckets = [
  { le: 0.1, count: 10 },
  { le: 0.5, count: 30 },
  { le: 1, count: 40 },
  { le: Infinity, count: 40 },
];

test('interpolates within the bucket', () => {
  expect(bucketQuantile(0.5, buckets)).toBeCloseTo(0.3, 10);
  expect(bucketQuantile(0.25, buckets)).toBeCloseTo(0.1, 10);
  expect(bucketQuantile(0.875, buckets)).toBeCloseTo(0.75, 10);
});

test('the first bucket begins at nought', () => {
  expect(bucketQuantile(0.125, buckets)).toBeCloseTo(0.05, 10);
});

test('in the open bucket the answer is the highest finite bound', () => {
  expect(bucketQuantile(0.99, [{ le: 1, count: 1 }, { le: Infinity, count: 10 }])).toBe(1);
});

test('order of the buckets does not matter', () => {
  expect(bucketQuantile(0.5, [...buckets].reverse())).toBeCloseTo(0.3, 10);
});

test('nothing observed, or no open bucket, is not a number', () => {
  expect(bucketQuantile(0.5, buckets.map((b) => ({ ...b, count: 0 })))).toBeNaN();
  expect(bucketQuantile(0.5, buckets.slice(0, 3))).toBeNaN();
  expect(bucketQuantile(0.5, [])).toBeNaN();
});

test('histograms merge bound by bound', () => {
  expect(mergeBuckets([{ le: 1, count: 2 }, { le: Infinity, count: 3 }, { le: 1, count: 5 }])).toEqual([
    { le: 1, count: 7 },
    { le: Infinity, count: 3 },
  ]);
});
