// What could be written at the cursor of a log query: labels, their values, fields of the lines at hand, and the stages.

import * as loki from '../../api/loki';
import type { Choice, Offer } from '../../components/code-input';
import { rank, readCursor } from '../../lib/completion';
import type { FieldSummary } from '../../lib/log-volume';

const STAGES: Choice[] = [
  { text: '|=', insert: '|= "…"', kind: 'filter', detail: 'lines that contain' },
  { text: '!=', insert: '!= "…"', kind: 'filter', detail: 'lines that do not contain' },
  { text: '|~', insert: '|~ "…"', kind: 'filter', detail: 'lines that match a regex' },
  { text: '!~', insert: '!~ "…"', kind: 'filter', detail: 'lines that do not match' },
];

/** A completion over the server's labels and the fields of the loaded lines. */
export function logSuggestions(fields: () => FieldSummary[]): (text: string, at: number) => Promise<Offer> {
  return async (text, at) => {
    const cursor = readCursor(text, at);
    const { place, word } = cursor;
    const known = fields();
    if (place.kind === 'label-name') {
      const names = await loki.labelNames();
      const choices = names.map((name) => ({ text: name, insert: `${name}="…"`, kind: 'label' }));
      return { cursor, choices: rank(choices, word) };
    }
    if (place.kind === 'label-value') {
      const local = known.find((f) => f.name === place.label)?.top ?? [];
      const choices: Choice[] = local.map((v) => ({ text: v.value, kind: 'value', detail: `${v.lines} lines here` }));
      for (const value of await loki.labelValues(place.label).catch(() => [])) {
        if (!choices.some((c) => c.text === value)) choices.push({ text: value, kind: 'value' });
      }
      return { cursor, choices: rank(choices, word) };
    }
    if (place.kind !== 'expression') return { cursor, choices: [] };
    if (!text.trim()) return { cursor, choices: [{ text: '{', insert: '{…}', kind: 'stream', detail: 'select streams by label' }] };
    const afterPipe = /\|\s*$/.test(text.slice(0, cursor.from));
    const fieldChoices = known.map((f) => ({
      text: f.name,
      insert: `${f.name}="…"`,
      kind: 'field',
      detail: `${f.distinct} value${f.distinct === 1 ? '' : 's'} here`,
    }));
    if (afterPipe) return { cursor, choices: rank(fieldChoices, word) };
    if (!text.includes('{')) return { cursor, choices: [] };
    return { cursor, choices: word ? [] : STAGES };
  };
}
