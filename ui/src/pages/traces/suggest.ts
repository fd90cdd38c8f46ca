// What could be written at the cursor of a trace expression: the fields that spans have, and their values.

import * as api from '../../api/traces';
import type { Choice, Offer } from '../../components/code-input';
import { rank, type Cursor } from '../../lib/completion';
import type { TimeRange } from '../../lib/time-range';
import { placeAt } from '../../lib/trace-expression';

const INTRINSICS: [string, string][] = [
  ['name', 'operation'],
  ['duration', 'such as 100ms'],
  ['status', 'ok, error, unset'],
  ['kind', 'server, client, …'],
  ['statusMessage', 'of a failed span'],
];

const WORDS: Record<string, string[]> = {
  status: ['error', 'ok', 'unset'],
  kind: ['server', 'client', 'internal', 'producer', 'consumer', 'unspecified'],
  duration: ['10ms', '100ms', '1s'],
};

/** Where the cursor of an expression stands, as the query field wants it. */
export function expressionCursor(text: string, at: number): Cursor {
  const place = placeAt(text, at);
  if (place.kind === 'none') return { place: { kind: text.trim() ? 'none' : 'expression' }, word: '', from: at, to: at };
  return { place: { kind: 'expression' }, word: place.word, from: place.from, to: place.to };
}

export function expressionSuggestions(range: () => TimeRange): (text: string, at: number) => Promise<Offer> {
  let known: { key: string; fields: Promise<api.FieldValues[]> } | null = null;
  const fields = (): Promise<api.FieldValues[]> => {
    const { start, end } = range();
    const key = `${start} ${end}`;
    if (known?.key !== key) known = { key, fields: api.fields('', { start, end }).catch(() => []) };
    return known.fields;
  };
  return async (text, at) => {
    const place = placeAt(text, at);
    const cursor = expressionCursor(text, at);
    if (!text.trim()) {
      return { cursor, choices: [{ text: '{ … }', insert: '{ … }', kind: 'spans', detail: 'conditions on a span' }] };
    }
    if (place.kind === 'none') return { cursor, choices: [] };
    if (place.kind === 'field') {
      const own: Choice[] = INTRINSICS.map(([name, detail]) => ({ text: name, insert: `${name} `, kind: 'field', detail }));
      const attributes: Choice[] = (await fields())
        .filter((f) => /^(span|resource|event|instrumentation)\./.test(f.field))
        .map((f) => ({ text: f.field, insert: `${f.field} = `, kind: 'attribute', detail: `${f.n_values} value${f.n_values === 1 ? '' : 's'}` }));
      return { cursor, choices: rank([...own, ...attributes], place.word) };
    }
    const words = WORDS[place.field];
    if (words) return { cursor, choices: rank(words.map((text) => ({ text, kind: 'value' })), place.word) };
    const values = (await fields()).find((f) => f.field === place.field)?.values ?? [];
    const choices: Choice[] = values.map((v) => ({
      text: v.value,
      insert: v.condition.slice(v.condition.indexOf(' = ') + 3),
      kind: 'value',
      detail: `${v.spans} of the newest spans`,
    }));
    return { cursor, choices: rank(choices, place.word) };
  };
}
