import { expect, test } from 'vitest';
import { pathOf } from './critical-path';

test('stretches count from the start of the trace, own time by span', () => {
  const path = pathOf(
    {
      total_ns: 30_000,
      parts: [
        { span_id: 'a', start_ms: 1000, duration_ns: 10_000 },
        { span_id: 'b', start_ms: 1000.01, duration_ns: 15_000 },
        { span_id: 'a', start_ms: 1000.025, duration_ns: 5_000 },
      ],
      spans: [
        { span_id: 'a', service: 's', name: 'x', self_ns: 15_000 },
        { span_id: 'b', service: 't', name: 'y', self_ns: 15_000 },
      ],
    },
    1_000_000,
  );
  expect(path.total).toBe(30);
  expect(path.parts.get('a')).toHaveLength(2);
  expect(path.parts.get('b')?.[0]?.from).toBeCloseTo(10, 3);
  expect(path.parts.get('a')?.[1]?.to).toBeCloseTo(30, 3);
  expect(path.self.get('b')).toBe(15);
});
