// Where the cursor stands, what fits there, and what a choice does to the text. the last `|` marks the cursor.

import { describe, expect, test } from 'vitest';
import { applyChoice, mentionedMetric, pairBracket, rank, readCursor, score } from './completion';
import { differingLabels, legendName, selector, seriesName, tokenise } from './promql';
import { FUNCTIONS } from './promql-functions';

function at(text: string) {
  const cursor = text.lastIndexOf('|');
  return readCursor(text.slice(0, cursor) + text.slice(cursor + 1), cursor);
}

describe('the cursor', () => {
  test('stands in an expression outside of all brackets and after functions', () => {
    expect(at('ra|')).toEqual({ place: { kind: 'expression' }, word: 'ra', from: 0, to: 2 });
    expect(at('sum(rate(deriva_r|pc')).toEqual({ place: { kind: 'expression' }, word: 'deriva_r', from: 9, to: 19 });
    expect(at('a + |').place.kind).toBe('expression');
  });
  test('stands at a label name after a brace or comma', () => {
    expect(at('up{|').place).toEqual({ kind: 'label-name', metric: 'up' });
    expect(at('rate(x_total{a="b", me|').place).toEqual({ kind: 'label-name', metric: 'x_total' });
    expect(at('{ser|').place).toEqual({ kind: 'label-name', metric: null });
  });
  test('stands in a label value between the quotes', () => {
    expect(at('up{job="de|"}')).toEqual({ place: { kind: 'label-value', metric: 'up', label: 'job' }, word: 'de', from: 8, to: 10 });
    expect(at('up{job=~"a|').place).toEqual({ kind: 'label-value', metric: 'up', label: 'job' });
  });
  test('is not fooled by braces and quotes within strings', () => {
    expect(at('up{a="}", b="x|"}').place).toEqual({ kind: 'label-value', metric: 'up', label: 'b' });
    expect(at('up{a="\\"", b|').place.kind).toBe('label-name');
  });
  test('stands in a grouping', () => {
    expect(at('sum by (|) (rate(x_total[1m]))').place).toEqual({ kind: 'grouping', metric: 'x_total' });
    expect(at('sum(rate(x_total[1m])) by (me|').place).toEqual({ kind: 'grouping', metric: 'x_total' });
  });
  test('stands in a window', () => {
    expect(at('rate(x[|').place.kind).toBe('duration');
    expect(at('rate(x[5|').word).toBe('5');
  });
  test('finds nothing to offer in numbers, comments and other strings', () => {
    expect(['5|', 'x # no|', 'label_replace(x, "a|'].map((t) => at(t).place.kind)).toEqual(['none', 'none', 'none']);
  });
  test('stands in the value of a log field', () => {
    expect(at('{a="b"} | level="er|').place).toEqual({ kind: 'label-value', metric: null, label: 'level' });
    expect(at('{a="b"} |= "er|').place.kind).toBe('none');
  });
});

test('the metric of a query is found, functions and groupings are not', () => {
  expect(mentionedMetric('histogram_quantile(0.9, sum by (le_x) (rate(a_bucket[5m])))')).toBe('a_bucket');
  expect(mentionedMetric('1 + 2')).toBeNull();
});

test('a prefix beats a word within, that beats letters in order', () => {
  const names = ['traces_calls_total', 'calls_total', 'cache_all_ls', 'other'].map((text) => ({ text }));
  expect(rank(names, 'call').map((n) => n.text)).toEqual(['calls_total', 'traces_calls_total', 'cache_all_ls']);
  expect(score('up', 'up')).toBeGreaterThan(score('uptime', 'up'));
  expect(score('abc', 'z')).toBe(-1);
});

test('the shorter of two equal fits comes first, and the list is bounded', () => {
  expect(rank(['rate_of_change', 'rate'].map((text) => ({ text })), 'rat')[0]?.text).toBe('rate');
  expect(rank(Array.from({ length: 100 }, (_, i) => ({ text: `m${i}` })), 'm', 10)).toHaveLength(10);
});

describe('a choice', () => {
  test('takes the place of the word', () => {
    expect(applyChoice('sum(der)', { from: 4, to: 7 }, 'deriva_rpc_total')).toEqual({ text: 'sum(deriva_rpc_total)', at: 20 });
  });
  test('puts the cursor where it is marked', () => {
    expect(applyChoice('ra', { from: 0, to: 2 }, 'rate(…)')).toEqual({ text: 'rate()', at: 5 });
    expect(applyChoice('up{jo}', { from: 3, to: 5 }, 'job="…"')).toEqual({ text: 'up{job=""}', at: 8 });
  });
  test('does not write a closing bracket twice', () => {
    expect(applyChoice('ra)', { from: 0, to: 2 }, 'rate(…)')).toEqual({ text: 'rate()', at: 5 });
  });
});

describe('brackets', () => {
  test('come in pairs before space, end and closing brackets', () => {
    expect(pairBracket('{', 'up', 2, 2)).toEqual({ text: 'up{}', at: 3 });
    expect(pairBracket('(', 'x', 0, 0)).toBeNull();
  });
  test('are stepped over when they stand there', () => {
    expect(pairBracket('}', 'up{}', 3, 3)).toEqual({ text: 'up{}', at: 4 });
    expect(pairBracket('"', 'a=""', 3, 3)).toEqual({ text: 'a=""', at: 4 });
  });
  test('embrace a selection', () => {
    expect(pairBracket('(', 'rate', 0, 4)).toEqual({ text: '(rate)', at: 6 });
  });
  test('a quote that closes a string brings no partner', () => {
    expect(pairBracket('"', 'a="b', 4, 4)).toBeNull();
  });
  test('other keys are themselves', () => {
    expect(pairBracket('a', '', 0, 0)).toBeNull();
  });
});

describe('tokens', () => {
  const kinds = (text: string) => tokenise(text).filter((t) => t.kind !== 'space').map((t) => `${t.kind}:${t.text}`);
  test('tell keywords, functions, names, durations and strings apart', () => {
    expect(kinds('sum by (le) (rate(x_total{a=~"b"}[5m]))')).toEqual([
      'function:sum', 'keyword:by', 'bracket:(', 'name:le', 'bracket:)', 'bracket:(', 'function:rate', 'bracket:(', 'name:x_total',
      'bracket:{', 'name:a', 'op:=~', 'string:"b"', 'bracket:}', 'bracket:[', 'duration:5m', 'bracket:]', 'bracket:)', 'bracket:)',
    ]);
  });
  test('lose nothing of any text', () => {
    for (const text of ['', 'a "open', '0.5e3 + .1', 'x # c\ny', '😀 {', '`raw']) {
      expect(tokenise(text).map((t) => t.text).join('')).toBe(text);
    }
  });
});

test('series are named by what tells them apart', () => {
  const a = { __name__: 'x', job: 'j', method: 'get' };
  const b = { __name__: 'x', job: 'j', method: 'put' };
  expect(differingLabels([a, b])).toEqual(['method']);
  expect(legendName(a, ['method'])).toBe('get');
  expect(seriesName(a)).toBe('x{job="j", method="get"}');
  expect(legendName({}, [])).toBe('value');
  expect(selector('up', { job: 'a"b' })).toBe('up{job="a\\"b"}');
});

test('every function has its arguments and its help', () => {
  expect(FUNCTIONS.length).toBeGreaterThan(60);
  for (const f of FUNCTIONS) expect(f.name && f.help).toBeTruthy();
});
