// Golden signals, health and alerts by service.

import { describe, expect, test } from 'vitest';
import type { Alert, Labels, VectorSample } from '../api/prometheus';
import { alertsByService, goldenSignals, healthByService, traffic } from './red';

const sample = (metric: Labels, value: number): VectorSample => ({ metric, value: [0, String(value)] });
const SERVER = 'SPAN_KIND_SERVER';
const INTERNAL = 'SPAN_KIND_INTERNAL';

describe('golden signals', () => {
  test('count a service by its entry spans when it has any', () => {
    const recent = [
      sample({ service: 'a', span_kind: SERVER }, 2),
      sample({ service: 'a', span_kind: INTERNAL }, 50),
      sample({ service: 'b', span_kind: 'SPAN_KIND_CLIENT' }, 3),
    ];
    const signals = goldenSignals(recent, [], []);
    expect(signals.get('a')).toMatchObject({ rate: 2, entry: true });
    expect(signals.get('b')).toMatchObject({ rate: 3, entry: false });
  });
  test('share of errors is of the same spans', () => {
    const whole = [
      sample({ service: 'a', span_kind: SERVER, status_code: 'STATUS_CODE_UNSET' }, 9),
      sample({ service: 'a', span_kind: SERVER, status_code: 'STATUS_CODE_ERROR' }, 1),
      sample({ service: 'a', span_kind: INTERNAL, status_code: 'STATUS_CODE_ERROR' }, 10),
    ];
    expect(goldenSignals([], whole, []).get('a')?.errors).toBeCloseTo(0.1, 10);
  });
  test('without calls there is no share of errors', () => {
    expect(goldenSignals([], [sample({ service: 'a', span_kind: SERVER }, 0)], []).get('a')?.errors).toBeNaN();
  });
  test('percentiles come from the merged buckets of the entry kinds', () => {
    const latency = [
      sample({ service: 'a', span_kind: SERVER, le: '0.1' }, 5),
      sample({ service: 'a', span_kind: SERVER, le: '+Inf' }, 5),
      sample({ service: 'a', span_kind: 'SPAN_KIND_CONSUMER', le: '0.1' }, 5),
      sample({ service: 'a', span_kind: 'SPAN_KIND_CONSUMER', le: '+Inf' }, 5),
      sample({ service: 'a', span_kind: INTERNAL, le: '+Inf' }, 1000),
    ];
    expect(goldenSignals([], [], latency).get('a')?.p50).toBeCloseTo(0.05, 10);
  });
  test('can be keyed by operation', () => {
    const recent = [sample({ span_name: 'x' }, 1), sample({ span_name: 'y' }, 2)];
    expect([...goldenSignals(recent, [], [], (m) => m['span_name'] ?? '').keys()]).toEqual(['x', 'y']);
  });
});

test('traffic falls on the grid, failed calls counted apart', () => {
  const series = [
    { metric: { service: 'a', status_code: 'STATUS_CODE_OK' }, values: [[10, '2'], [20, '4']] as [number, string][] },
    { metric: { service: 'a', status_code: 'STATUS_CODE_ERROR' }, values: [[20, '1'], [30, 'NaN']] as [number, string][] },
  ];
  const bars = traffic(series, 0, 30_000, 10).get('a');
  expect(bars?.map((b) => [b.rate, b.failed])).toEqual([[0, 0], [2, 0], [5, 1], [0, 0]]);
});

test('a service is unwell when a component or its scrape is', () => {
  const health = healthByService(
    [sample({ job: 'a', component: 'store' }, 1), sample({ job: 'a', component: 'cache' }, 0)],
    [sample({ job: 'a', instance: 'h:1' }, 1), sample({ job: 'b', instance: 'h:2' }, 0), sample({ job: 'c' }, 1)],
  );
  expect(health.get('a')).toMatchObject({ state: 'unhealthy', unwell: ['cache'], components: 2 });
  expect(health.get('b')).toMatchObject({ state: 'unhealthy', unwell: ['scrape of h:2'] });
  expect(health.get('c')).toMatchObject({ state: 'healthy' });
});

test('alerts go to the service that they name; the rest is kept', () => {
  const alert = (labels: Labels): Alert => ({ labels, annotations: {}, state: 'firing', activeAt: '', value: '1' });
  const placed = alertsByService([alert({ job: 'a' }), alert({ service: 'a', job: 'z' }), alert({ job: 'x' }), alert({})], ['a', 'z']);
  expect(placed.of.get('a')).toHaveLength(2);
  expect(placed.of.has('z')).toBe(false);
  expect(placed.rest).toHaveLength(2);
});
