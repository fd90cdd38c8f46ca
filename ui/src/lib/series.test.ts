// Range results on their grid, starter queries, alert stretches and filters, service colours, reasons of errors.

import { describe, expect, test } from 'vitest';
import { encodeParams, reasonOf } from '../api/http';
import type { MatrixSeries, Rule, RuleGroup } from '../api/prometheus';
import { byUrgency, countStates, filterGroups, stretches } from './alerting';
import { colourSlot, PALETTE_SIZE } from './colours';
import { chartData, starterQuery } from './series';

const series = (metric: Record<string, string>, ...values: [number, string][]): MatrixSeries => ({ metric, values });

describe('chart data', () => {
  test('stands on the grid, with gaps where there is no number', () => {
    const data = chartData([{ name: 'q', series: [series({ a: '1' }, [10, '1'], [30, 'NaN'], [40, '3'])] }], 0, 40_000, 10);
    expect(data.times).toEqual([0, 10, 20, 30, 40]);
    expect(data.series[0]?.values).toEqual([null, 1, null, null, 3]);
    expect(data.series[0]).toMatchObject({ last: 3, min: 1, max: 3, avg: 2 });
  });
  test('keeps the largest when there are too many', () => {
    const many = [1, 9, 5].map((v) => series({ a: `${v}` }, [0, `${v}`]));
    const data = chartData([{ name: 'q', series: many }], 0, 0, 10, 2);
    expect(data.series.map((s) => s.label)).toEqual(['9', '5']);
    expect(data.left).toBe(1);
  });
  test('tells several queries apart by their letter', () => {
    const data = chartData(
      [{ name: 'A', series: [series({}, [0, '1'])] }, { name: 'B', series: [series({ x: 'y' }, [0, '1'])] }],
      0,
      0,
      10,
    );
    expect(data.series.map((s) => s.label)).toEqual(['A: value', 'B: {x="y"}']);
  });
});

test('a metric is first shown as its type asks for', () => {
  expect(starterQuery('x_total', 'counter')).toBe('rate(x_total[1m])');
  expect(starterQuery('x_bytes', 'gauge')).toBe('x_bytes');
  expect(starterQuery('x_seconds_bucket', undefined)).toBe('histogram_quantile(0.95, sum by (le) (rate(x_seconds_bucket[5m])))');
  expect(starterQuery('x_seconds', 'histogram')).toContain('x_seconds_bucket');
});

const rule = (name: string, more: Partial<Rule>): Rule => ({ type: 'alerting', name, query: 'up == 0', health: 'ok', ...more });
const group: RuleGroup = {
  name: 'g',
  file: 'f',
  rules: [
    rule('Quiet', { state: 'inactive' }),
    rule('Burning', { alerts: [{ state: 'firing', labels: { job: 'x' }, annotations: {}, activeAt: '', value: '1' }] }),
    rule('Soon', { state: 'pending', labels: { severity: 'warning' } }),
    rule('job:up:sum', { type: 'recording' }),
  ],
};

describe('rules', () => {
  test('are counted by state, told by the instances where the rule does not say', () => {
    expect(countStates([group])).toEqual({ firing: 1, pending: 1, inactive: 1, recording: 1 });
  });
  test('are filtered by state and by words in labels and names', () => {
    const names = (states: string[], text: string) => filterGroups([group], states, text).flatMap((g) => g.rules.map((r) => r.name));
    expect(names(['firing', 'pending'], '')).toEqual(['Burning', 'Soon']);
    expect(names([], 'job=x')).toEqual(['Burning']);
    expect(names([], 'severity=warning soon')).toEqual(['Soon']);
    expect(names(['recording'], 'burning')).toEqual([]);
  });
  test('that fire come first', () => {
    expect(byUrgency(group.rules).map((r) => r.name)).toEqual(['Burning', 'Soon', 'Quiet', 'job:up:sum']);
  });
  test('show when they fired, joined over neighbouring points', () => {
    const found = stretches(
      [
        series({ alertname: 'A', alertstate: 'pending' }, [0, '1'], [10, '1']),
        series({ alertname: 'A', alertstate: 'firing' }, [10, '1'], [20, '1'], [40, '1']),
      ],
      { start: 0, end: 40_000 },
      10,
    ).get('A');
    expect(found).toEqual([
      { state: 'pending', start: 0, end: 10_000 },
      { state: 'firing', start: 10_000, end: 30_000 },
      { state: 'firing', start: 40_000, end: 50_000 },
    ]);
  });
});

test('services get colours of their own until the palette is used up', () => {
  const taken = new Map<string, number>();
  const slots = Array.from({ length: PALETTE_SIZE }, (_, i) => colourSlot(`service-${i}`, taken));
  expect(new Set(slots).size).toBe(PALETTE_SIZE);
  expect(colourSlot('service-3', taken)).toBe(slots[3]);
  expect(colourSlot('one-more', taken)).toBeLessThan(PALETTE_SIZE);
});

test("an error says what the server said, in whichever API's envelope", () => {
  expect(reasonOf('{"status":"error","errorType":"bad_data","error":"1:5: unclosed"}', 400)).toBe('1:5: unclosed');
  expect(reasonOf('{"data":null,"errors":[{"code":404,"msg":"trace not found"}]}', 404)).toBe('trace not found');
  expect(reasonOf('parse error : unexpected }', 400)).toBe('parse error : unexpected }');
  expect(reasonOf('<html>', 502)).toBe('the server answered with status 502');
});

test('parameters that are not set are not sent', () => {
  expect(encodeParams({ a: 1, b: undefined, c: '', d: ['x', 'y'] }).toString()).toBe('a=1&d=x&d=y');
});
