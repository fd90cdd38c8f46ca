// How values are written.

import { describe, expect, test } from 'vitest';
import { ago, bytes, count, formatFor, longDuration, micros, percent, plural, rate, seconds, significant } from './format';

describe('numbers', () => {
  test('keep three significant figures and no trailing zeros', () => {
    expect([0, 1, 1.5, 12.345, 123.456, 0.00123].map((n) => significant(n))).toEqual(['0', '1', '1.5', '12.3', '123', '0.00123']);
  });
  test('counts get a unit from ten thousand on', () => {
    expect([999, 1234, 12_345, 1_234_567, 2.5e9].map(count)).toEqual(['999', '1234', '12.3k', '1.23M', '2.5G']);
  });
  test('sizes are in binary units', () => {
    expect([512, 2048, 48e6].map(bytes)).toEqual(['512 B', '2 KiB', '45.8 MiB']);
  });
  test('a share that is small but not none is not written as none', () => {
    expect([0, 0.0004, 0.011, 0.5, NaN].map(percent)).toEqual(['0 %', '< 0.1 %', '1.1 %', '50 %', '–']);
  });
  test('a rate that is small but not none is not written as none', () => {
    expect([0, 0.001, 6.64].map(rate)).toEqual(['0', '< 0.01', '6.64']);
  });
  test('one is singular', () => {
    expect([plural(1, 'span'), plural(2, 'span'), plural(2, 'series', 'series')]).toEqual(['1 span', '2 spans', '2 series']);
  });
});

describe('durations', () => {
  test('use the unit that reads best', () => {
    expect([0, 2.5e-5, 0.00184, 0.835, 1.82, 125, NaN].map(seconds)).toEqual(
      ['0 s', '25 µs', '1.84 ms', '835 ms', '1.82 s', '2 m 5 s', '–'],
    );
  });
  test('do not round up into the next unit', () => {
    expect([0.0009996, 0.9996].map(seconds)).toEqual(['1 ms', '1 s']);
  });
  test('microseconds are seconds in disguise', () => {
    expect(micros(1500)).toBe('1.5 ms');
  });
  test('long ones show two units', () => {
    expect([0, 59, 3600, 93_784].map(longDuration)).toEqual(['0 s', '59 s', '1 h', '1 d 2 h']);
  });
  test('ago', () => {
    expect([0, 30, 90, 7200].map((s) => ago(1e12 - s * 1000, 1e12))).toEqual(['just now', '30 s ago', '1 m ago', '2 h ago']);
  });
});

test('a query shows its values in the unit of its metric', () => {
  expect(formatFor('deriva_cache_size_bytes')(2048)).toBe('2 KiB');
  expect(formatFor('rate(sent_bytes_total[1m])')(2048)).toBe('2048');
  expect(formatFor('histogram_quantile(0.9, rate(x_seconds_bucket[1m]))')(0.5)).toBe('500 ms');
  expect(formatFor('rate(x_duration_seconds_count[1m])')(0.5)).toBe('0.5');
});
