// Where the cursor stands in a query and what could be written there; and how candidates are ranked. Pure: fetching the
// candidates is the caller's. One reader serves PromQL and LogQL, whose selectors are alike.

export type Place =
  | { kind: 'expression' }
  | { kind: 'label-name'; metric: string | null }
  | { kind: 'label-value'; metric: string | null; label: string }
  | { kind: 'grouping'; metric: string | null }
  | { kind: 'duration' }
  | { kind: 'none' };

export interface Cursor {
  place: Place;
  /** What is written so far of the word under the cursor. */
  word: string;
  /** The word's extent; what is chosen replaces it. */
  from: number;
  to: number;
}

const WORD = /[\w:]/;

function wordAt(text: string, at: number): { from: number; to: number } {
  let from = at;
  while (from > 0 && WORD.test(text[from - 1] ?? '')) from--;
  let to = at;
  while (to < text.length && WORD.test(text[to] ?? '')) to++;
  return { from, to };
}

/** The metric name right before position `at`, ignoring spaces. */
function metricBefore(text: string, at: number): string | null {
  return /([a-zA-Z_:][\w:]*)\s*$/.exec(text.slice(0, at))?.[1] ?? null;
}

interface Open {
  bracket: string;
  at: number;
}

/** Reads up to the cursor: which brackets are open, and whether it stands within a string. */
function scan(text: string, at: number): { open: Open[]; string: number | null; comment: boolean } {
  const open: Open[] = [];
  let string: number | null = null;
  let delimiter = '';
  for (let i = 0; i < at; i++) {
    const c = text[i] ?? '';
    if (string !== null) {
      if (c === '\\' && delimiter !== '`') i++;
      else if (c === delimiter) string = null;
    } else if (c === '"' || c === "'" || c === '`') {
      string = i;
      delimiter = c;
    } else if (c === '#') {
      const end = text.indexOf('\n', i);
      if (end < 0 || end >= at) return { open, string: null, comment: true };
      i = end;
    } else if ('({['.includes(c)) open.push({ bracket: c, at: i });
    else if (')}]'.includes(c)) open.pop();
  }
  return { open, string, comment: false };
}

/** Reads the text around the cursor. */
export function readCursor(text: string, at: number): Cursor {
  const { open, string, comment } = scan(text, at);
  const inner = open.at(-1);
  if (comment) return { place: { kind: 'none' }, word: '', from: at, to: at };

  if (string !== null) {
    const label = /([a-zA-Z_]\w*)\s*(=~|!~|!=|=)\s*$/.exec(text.slice(0, string))?.[1];
    const place: Place =
      label && (inner?.bracket === '{' || /\|\s*[a-zA-Z_]\w*\s*(=~|!~|!=|=)\s*$/.test(text.slice(0, string)))
        ? { kind: 'label-value', metric: inner ? metricBefore(text, inner.at) : null, label }
        : { kind: 'none' };
    let to = at;
    while (to < text.length && text[to] !== '"' && text[to] !== '\n' && text[to] !== '}') to++;
    return { place, word: text.slice(string + 1, at), from: string + 1, to };
  }

  const { from, to } = wordAt(text, at);
  const word = text.slice(from, at);
  const before = text.slice(0, from);
  if (inner?.bracket === '{') {
    const fresh = /[{,]\s*$/.test(before);
    const place: Place = fresh ? { kind: 'label-name', metric: metricBefore(text, inner.at) } : { kind: 'none' };
    return { place, word, from, to };
  }
  if (inner?.bracket === '[') return { place: { kind: 'duration' }, word, from, to };
  if (inner?.bracket === '(' && /\b(by|without|on|ignoring|group_left|group_right)\s*$/i.test(text.slice(0, inner.at))) {
    return { place: { kind: 'grouping', metric: mentionedMetric(text) }, word, from, to };
  }
  if (/^\d/.test(word)) return { place: { kind: 'none' }, word, from, to };
  return { place: { kind: 'expression' }, word, from, to };
}

/** The first word of the query that looks like a metric: it is followed by a selector, a window or the end of an argument. */
export function mentionedMetric(text: string): string | null {
  for (const match of text.matchAll(/(?<![\w:"])([a-zA-Z_:][\w:]*_[\w:]*)\s*(?=[{[)\s,]|$)/g)) {
    const after = text.slice(match.index + match[0].length).trimStart();
    if (!after.startsWith('(') && !/(^|\b)(by|without)\s*\([^)]*$/.test(text.slice(0, match.index))) return match[1] ?? null;
  }
  return null;
}

/**
 * How well a candidate answers to what was typed: -1 not at all, higher is better. Prefix beats the start of a word
 * within the name, that beats any substring, that beats letters in order.
 */
export function score(candidate: string, typed: string): number {
  if (!typed) return 0;
  const c = candidate.toLowerCase();
  const t = typed.toLowerCase();
  if (c === t) return 1000;
  if (c.startsWith(t)) return 800 - Math.min(c.length, 200);
  const at = c.indexOf(t);
  if (at > 0) return (/[_:./-]/.test(c[at - 1] ?? '') ? 600 : 400) - Math.min(c.length, 200);
  let j = 0;
  for (let i = 0; i < c.length && j < t.length; i++) if (c[i] === t[j]) j++;
  return j === t.length ? 200 - Math.min(c.length, 199) : -1;
}

/** The best candidates for what was typed, best first; equal ones keep their order. */
export function rank<T extends { text: string }>(candidates: T[], typed: string, most = 60): T[] {
  if (!typed) return candidates.slice(0, most);
  return candidates
    .map((c, i) => ({ c, i, s: score(c.text, typed) }))
    .filter((x) => x.s >= 0)
    .sort((a, b) => b.s - a.s || a.i - b.i)
    .slice(0, most)
    .map((x) => x.c);
}

/** The text and the cursor after a choice takes the word's place. */
export function applyChoice(
  text: string,
  cursor: Pick<Cursor, 'from' | 'to'>,
  insert: string,
): { text: string; at: number } {
  // `…` in the inserted text marks where the cursor goes.
  const mark = insert.indexOf('…');
  const clean = insert.replace('…', '');
  let rest = text.slice(cursor.to);
  // A closing bracket or quote that stands there already is not written again.
  for (const closer of ['")', '"', '()', '(']) {
    if (mark < 0 && clean.endsWith(closer) && rest.startsWith(closer)) {
      rest = rest.slice(closer.length);
      break;
    }
  }
  if (mark >= 0 && rest.startsWith(clean.slice(mark)) && clean.slice(mark)) rest = rest.slice(clean.length - mark);
  return { text: text.slice(0, cursor.from) + clean + rest, at: cursor.from + (mark >= 0 ? mark : clean.length) };
}

const CLOSERS: Record<string, string> = { '{': '}', '(': ')', '[': ']', '"': '"' };

/**
 * What typing a bracket or quote does beyond itself: an opening one brings its partner when nothing stands behind it, a
 * closing one that stands there already is stepped over, and a selection is put between the two. Null for any other key.
 */
export function pairBracket(key: string, text: string, start: number, end: number): { text: string; at: number } | null {
  const next = text[end] ?? '';
  if (start === end && next === key && (key === '"' || Object.values(CLOSERS).includes(key))) return { text, at: end + 1 };
  const closer = CLOSERS[key];
  if (!closer) return null;
  if (start === end) {
    if (next && !/[\s)}\],]/.test(next)) return null;
    if (key === '"' && (text.slice(0, start).split('"').length - 1) % 2 === 1) return null;
  }
  return { text: text.slice(0, start) + key + text.slice(start, end) + closer + text.slice(end), at: start === end ? start + 1 : end + 2 };
}
