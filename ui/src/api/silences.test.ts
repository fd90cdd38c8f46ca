import { expect, test } from 'vitest';
import { covers, type Silence } from './silences';

const one = (name: string, value: string, isRegex = false, isEqual = true): Silence => ({
  id: '1',
  status: { state: 'active' },
  matchers: [{ name, value, isRegex, isEqual }],
  startsAt: '',
  endsAt: '',
  createdBy: '',
  comment: '',
});

test('a silence covers what all of its matchers match', () => {
  const labels = { alertname: 'Slow', job: 'a' };
  expect(covers(one('job', 'a'), labels)).toBe(true);
  expect(covers(one('job', 'b'), labels)).toBe(false);
  expect(covers(one('job', 'a|b', true), labels)).toBe(true);
  expect(covers(one('job', '', true), labels)).toBe(false);
  expect(covers(one('job', 'a', false, false), labels)).toBe(false);
  expect(covers(one('missing', ''), labels)).toBe(true);
  expect(covers(one('job', '(', true), labels)).toBe(false);
  expect(covers({ ...one('job', 'a'), status: { state: 'expired' } }, labels)).toBe(false);
});
