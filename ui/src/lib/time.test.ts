// Durations and time ranges.

import { describe, expect, test } from 'vitest';
import { parseDuration, writeDuration } from './duration';
import { alignRange, describeSpec, rateWindow, resolveInstant, resolveSpec, shiftRange, stepFor, writeLocal } from './time-range';

const NOW = 1_700_000_000_000;

test('durations are read with one or several units', () => {
  expect(['15m', '1h30m', '250ms', '2.5s', '4us'].map(parseDuration)).toEqual([900, 5400, 0.25, 2.5, 4e-6]);
});

test('what is no duration is refused', () => {
  expect(['', '15', 'm', '1h 30m', '-5m', 'abc'].map(parseDuration)).toEqual([null, null, null, null, null, null]);
});

test('durations are written largest unit first', () => {
  expect([60, 5400, 90_061, 0.2].map(writeDuration)).toEqual(['1m', '1h30m', '1d1h1m1s', '1s']);
});

describe('an end of a range', () => {
  test('is relative to now', () => {
    expect(resolveInstant('now', NOW)).toBe(NOW);
    expect(resolveInstant('now-1h30m', NOW)).toBe(NOW - 5_400_000);
    expect(resolveInstant('now - 5m', NOW)).toBe(NOW - 300_000);
  });
  test('is milliseconds, or a local date that writeLocal wrote', () => {
    expect(resolveInstant(String(NOW), 0)).toBe(NOW);
    expect(resolveInstant(writeLocal(NOW), 0)).toBe(NOW);
  });
  test('is refused when it cannot be read', () => {
    expect(['', 'yesterday', 'now-5', 'now-x', '12'].map((t) => resolveInstant(t, NOW))).toEqual([null, null, null, null, null]);
  });
});

test('an empty or backward range is refused', () => {
  expect(resolveSpec({ from: 'now', to: 'now' }, NOW)).toBeNull();
  expect(resolveSpec({ from: 'now', to: 'now-5m' }, NOW)).toBeNull();
  expect(resolveSpec({ from: 'now-5m', to: 'now' }, NOW)).toEqual({ start: NOW - 300_000, end: NOW });
});

test('the picker names presets, other spans and absolute ranges', () => {
  expect(describeSpec({ from: 'now-15m', to: 'now' })).toBe('Last 15 minutes');
  expect(describeSpec({ from: 'now-42m', to: 'now' })).toBe('Last 42m');
  expect(describeSpec({ from: String(NOW), to: String(NOW + 60_000) })).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d – \d\d:\d\d:\d\d$/);
});

test('a step is round and keeps the number of points', () => {
  expect(stepFor({ start: 0, end: 900_000 }, 60)).toBe(15);
  expect(stepFor({ start: 0, end: 900_000 }, 240)).toBe(5);
  expect(stepFor({ start: 0, end: 8000 }, 90)).toBe(1);
  expect(stepFor({ start: 0, end: 8000 }, 90, 0.1)).toBe(0.1);
  expect(stepFor({ start: 0, end: 40 * 86_400_000 }, 10)).toBe(345_600);
});

test('aligned ranges of two near moments share their grid', () => {
  expect(alignRange({ start: 1001, end: 16_001 }, 5)).toEqual(alignRange({ start: 4999, end: 19_999 }, 5));
});

test('a rate window holds at least a minute', () => {
  expect([5, 60, 600].map(rateWindow)).toEqual(['1m', '1m', '10m']);
});

test('a shifted range keeps its length', () => {
  expect(shiftRange({ start: 1000, end: 3000 }, -0.5)).toEqual({ from: '0', to: '2000' });
});
