// Changing log queries, and counting lines.

import { describe, expect, test } from 'vitest';
import { entriesOf, type LogEntry } from '../api/loki';
import { addFilter, fromText, isMetricQuery, levelOf, selectorEnd, splitMatchers, traceQuery, withLevels } from './logql';
import { brief, orderFields, summariseFields, tellingFields, volumeOfEntries } from './log-volume';

const LABELS = ['service_name', 'level'];

describe('adding a filter', () => {
  test('puts a stream label into the braces', () => {
    expect(addFilter('{service_name="a"}', 'level', '=', 'info', LABELS)).toBe('{service_name="a", level="info"}');
  });
  test('puts any other field behind them', () => {
    expect(addFilter('{service_name="a"} |= "x"', 'trace_id', '=', 'ab', LABELS)).toBe('{service_name="a"} |= "x" | trace_id="ab"');
  });
  test('replaces an equality on the same label, and the one that matches everything', () => {
    expect(addFilter('{service_name="a"} |= "x"', 'service_name', '=', 'b', LABELS)).toBe('{service_name="b"} |= "x"');
    expect(addFilter('{service_name=~".+"}', 'service_name', '=', 'b', LABELS)).toBe('{service_name="b"}');
  });
  test('keeps several exclusions of one label', () => {
    const once = addFilter('{service_name=~".+"}', 'level', '!=', 'debug', LABELS);
    expect(addFilter(once, 'level', '!=', 'trace', LABELS)).toBe('{service_name=~".+", level!="debug", level!="trace"}');
  });
  test('takes the opposite out and adds nothing twice', () => {
    expect(addFilter('{level!="debug"}', 'level', '=', 'debug', LABELS)).toBe('{level="debug"}');
    expect(addFilter('{level="debug"}', 'level', '=', 'debug', LABELS)).toBe('{level="debug"}');
    expect(addFilter('{} | a="1"', 'a', '=', '1', LABELS)).toBe('{} | a="1"');
    expect(addFilter('{} | a="1"', 'a', '!=', '1', LABELS)).toBe('{} | a!="1"');
  });
  test('escapes the value', () => {
    expect(addFilter('{level="a"}', 'msg', '=', 'say "hi" \\ there', LABELS)).toBe('{level="a"} | msg="say \\"hi\\" \\\\ there"');
  });
});

test('the selector ends at its own brace, not at one within a string', () => {
  expect(selectorEnd('{a="}"} |= "{}"')).toBe(6);
  expect(selectorEnd('{a=`}`}')).toBe(6);
  expect(selectorEnd('{a="b"')).toBe(-1);
  expect(selectorEnd('plain')).toBe(-1);
});

test('matchers are told apart even with commas in their values', () => {
  expect(splitMatchers('a = "x,y", b=~"z" ,c!=`w`')).toEqual(['a="x,y"', 'b=~"z"', 'c!=`w`']);
});

test('levels narrow the query whatever their case', () => {
  expect(withLevels('{a="b"}', [])).toBe('{a="b"}');
  expect(withLevels('{a="b"}', ['warn', 'debug'])).toBe('{a="b"} | level=~"(?i)(warn|warning|debug)"');
});

test('plain words become a search that ignores case', () => {
  expect(fromText('timed out (3)')).toBe('{service_name=~".+"} |~ "(?i)timed out \\\\(3\\\\)"');
  expect(fromText(' {a="b"} ')).toBe('{a="b"}');
  expect(fromText('')).toBe('{service_name=~".+"}');
});

test('a trace, and a span of it, have their queries', () => {
  expect(traceQuery('t1')).toBe('{service_name=~".+"} | trace_id="t1"');
  expect(traceQuery('t1', 's1', 'svc')).toBe('{service_name="svc"} | trace_id="t1" | span_id="s1"');
});

test('levels are known in every spelling', () => {
  expect(['ERROR', 'Warning', 'fatal', 'information', 'TRACE', 'odd', ''].map((level) => levelOf({ level }))).toEqual(
    ['error', 'warn', 'error', 'info', 'trace', 'other', 'other'],
  );
  expect(levelOf({ detected_level: 'debug' })).toBe('debug');
});

describe('entries', () => {
  test('are one list, newest first, with ids of their own', () => {
    const entries = entriesOf([
      { stream: { level: 'info' }, values: [['1700000000000000002', 'b'], ['1700000000000000001', 'a']] },
      { stream: { level: 'warn' }, values: [['1700000000000000002', 'c']] },
    ]);
    expect(entries.map((e) => e.line)).toEqual(['b', 'c', 'a']);
    expect(new Set(entries.map((e) => e.id)).size).toBe(3);
    expect(entries[0]?.ms).toBe(1_700_000_000_000);
  });
});

const entry = (ms: number, fields: Record<string, string>): LogEntry => ({ id: `${ms}`, ns: `${ms}000000`, ms, line: '', fields });

test('lines fall into their bins by level', () => {
  const bins = volumeOfEntries(
    [entry(1000, { level: 'info' }), entry(1500, { level: 'error' }), entry(25_000, { level: 'info' })],
    { start: 0, end: 30_000 },
    10,
  );
  expect(bins.map((b) => b.total)).toEqual([2, 0, 1]);
  expect(bins[0]?.levels).toEqual({ info: 1, error: 1 });
});

test('fields are summed up by how many lines carry them', () => {
  const fields = summariseFields([entry(1, { a: 'x', b: '1' }), entry(2, { a: 'x' }), entry(3, { a: 'y' })], 1);
  expect(fields).toEqual([
    { name: 'a', lines: 3, distinct: 2, top: [{ value: 'x', lines: 2 }] },
    { name: 'b', lines: 1, distinct: 1, top: [{ value: '1', lines: 1 }] },
  ]);
});

describe('of the fields', () => {
  const lines = [
    entry(1, { service_name: 'a', level: 'info', host_name: 'h', span_id: '1', method: 'get' }),
    entry(2, { service_name: 'a', level: 'warn', host_name: 'h', span_id: '2', bytes: '3', mode: 'x' }),
    entry(3, { service_name: 'a', level: 'warn', host_name: 'h', span_id: '2', mode: 'x' }),
  ];
  const fields = summariseFields(lines);
  test('the chief ones come first and those that all lines share come last', () => {
    expect(orderFields(fields, 3).map((f) => f.name)).toEqual(
      ['level', 'service_name', 'mode', 'bytes', 'method', 'span_id', 'host_name'],
    );
  });
  test('only those that tell one line from another stand beside the message', () => {
    expect(tellingFields(fields, 3)).toEqual(['bytes', 'method', 'mode']);
    expect(tellingFields(summariseFields(lines.slice(1)), 2)).toEqual(['bytes']);
  });
});

test('a value beside a message is brief', () => {
  expect(['1.5963189999999998', '3.25', '12', 'Ok'].map(brief)).toEqual(['1.596', '3.25', '12', 'Ok']);
  const long = brief(`caddr(0x${'ab'.repeat(32)})`);
  expect(long).toHaveLength(35);
  expect(long).toMatch(/^caddr\(0x.*….*\)$/);
});

test('numbers are told from lines and words', () => {
  for (const yes of [
    'rate({a="b"}[5m])',
    'sum by (level) (count_over_time({a="b"} |= "x" [1m]))',
    'sum(rate({a="b"}[1m])) by (x)',
    '(rate({a="b"}[1m])) / 2',
    'topk(3, rate({a="b"}[1m]))',
  ]) {
    expect(isMetricQuery(yes), yes).toBe(true);
  }
  for (const no of ['', '{a="b"}', 'error (twice)', '{a="b"} |= "rate([5m])"', 'sum of things', 'rate(x)']) {
    expect(isMetricQuery(no), no).toBe(false);
  }
});
