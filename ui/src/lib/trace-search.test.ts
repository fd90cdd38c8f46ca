// The text fields of the trace search.

import { expect, test } from 'vitest';
import { searchParams } from '../api/jaeger';
import { durationFieldError, parseTags, withTag, writeTag } from './trace-search';

test('tags are read with and without quotes', () => {
  expect(parseTags('function=slow/v1 note="two \\"big\\" words"  n=3')).toEqual({
    tags: { function: 'slow/v1', note: 'two "big" words', n: '3' },
  });
  expect(parseTags('   ')).toEqual({ tags: {} });
  expect(parseTags('empty=')).toEqual({ tags: { empty: '' } });
});

test('a word that is no tag is named', () => {
  expect(parseTags('error')).toEqual({ error: expect.stringContaining('“error”') });
  expect(parseTags('a=1 note="open')).toEqual({ error: expect.stringContaining('note') });
});

test('a written tag is read back', () => {
  for (const value of ['plain', 'two words', 'say "hi"', 'back\\slash', '']) {
    expect(parseTags(writeTag('k', value))).toEqual({ tags: { k: value } });
  }
});

test('a tag is added once', () => {
  expect(withTag('a=1', 'error', 'true')).toBe('a=1 error=true');
  expect(withTag('a=1 error=true', 'a', '2')).toBe('a=2 error=true');
});

test('durations need a unit', () => {
  expect(['', '10ms', '1.5s', '250us', '2m'].map(durationFieldError)).toEqual([null, null, null, null, null]);
  expect(durationFieldError('10')).not.toBeNull();
});

test('a search becomes the parameters of the Jaeger API', () => {
  const search = {
    service: 's', operation: '', tags: { error: 'true' }, minDuration: '10ms', maxDuration: '', startMs: 1000, endMs: 2000, limit: 20,
  };
  expect(searchParams(search)).toMatchObject({ service: 's', tags: '{"error":"true"}', minDuration: '10ms', start: 1_000_000, end: 2_000_000 });
  expect(searchParams({ ...search, tags: {} })['tags']).toBeUndefined();
});
