// PromQL text: tokens for colouring, quoting, and the name a series is shown by. Reading the language is the server's work.

import type { Labels } from '../api/prometheus';

export type TokenKind = 'space' | 'comment' | 'string' | 'number' | 'duration' | 'keyword' | 'function' | 'name' | 'op' | 'bracket';

export interface Token {
  kind: TokenKind;
  text: string;
  start: number;
}

export const AGGREGATIONS = [
  'sum', 'avg', 'min', 'max', 'count', 'stddev', 'stdvar', 'group', 'topk', 'bottomk', 'quantile', 'count_values',
];
export const KEYWORDS = [
  'by', 'without', 'on', 'ignoring', 'group_left', 'group_right', 'offset', 'bool', 'and', 'or', 'unless', 'atan2',
];

const PATTERN =
  /(\s+)|(#[^\n]*)|("(?:[^"\\\n]|\\.)*"?|'(?:[^'\\\n]|\\.)*'?|`[^`]*`?)|((?:\d+(?:ms|[smhdwy]))+(?![\w.]))|((?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|0x[\da-fA-F]+)|([a-zA-Z_:][\w:]*)|([()[\]{},])|(=~|!~|!=|==|>=|<=|\|=|\|~|.)/gs;

/** Splits any text into tokens; nothing is lost, nothing fails. */
export function tokenise(text: string): Token[] {
  const tokens: Token[] = [];
  for (const match of text.matchAll(PATTERN)) {
    const [whole, space, comment, string, duration, number, word, bracket] = match;
    let kind: TokenKind = 'op';
    if (space !== undefined) kind = 'space';
    else if (comment !== undefined) kind = 'comment';
    else if (string !== undefined) kind = 'string';
    else if (duration !== undefined) kind = 'duration';
    else if (number !== undefined) kind = 'number';
    else if (bracket !== undefined) kind = 'bracket';
    else if (word !== undefined) {
      const next = text.slice(match.index + whole.length).trimStart()[0];
      const lower = word.toLowerCase();
      if (KEYWORDS.includes(lower) && !'{=!'.includes(next ?? ' ')) kind = 'keyword';
      else if (next === '(' || (AGGREGATIONS.includes(lower) && /^\s+(by|without)\b/.test(text.slice(match.index + whole.length))))
        kind = 'function';
      else kind = 'name';
    }
    tokens.push({ kind, text: whole, start: match.index });
  }
  return tokens;
}

/** A string literal with PromQL's escapes. */
export function quote(value: string): string {
  return `"${value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n')}"`;
}

/** `name{a="b"}` as one would write it in a query. */
export function selector(name: string, labels: Labels): string {
  const pairs = Object.entries(labels).filter(([k]) => k !== '__name__');
  if (pairs.length === 0) return name;
  return `${name}{${pairs.map(([k, v]) => `${k}=${quote(v)}`).join(', ')}}`;
}

export function seriesName(metric: Labels): string {
  const pairs = Object.entries(metric).filter(([k]) => k !== '__name__');
  const name = metric['__name__'] ?? '';
  if (pairs.length === 0) return name || 'value';
  return `${name}{${pairs.map(([k, v]) => `${k}="${v}"`).join(', ')}}`;
}

/** The labels in which the series differ; those that all share are noise in a legend. */
export function differingLabels(series: Labels[]): string[] {
  const names = new Set(series.flatMap((s) => Object.keys(s)));
  return [...names].filter((name) => series.some((s) => s[name] !== series[0]?.[name])).sort();
}

/** A short name for a legend: only what tells this series from its neighbours. */
export function legendName(metric: Labels, differing: string[]): string {
  if (differing.length === 0) return seriesName(metric);
  const parts = differing.filter((l) => l !== '__name__' && metric[l] !== undefined).map((l) => [l, metric[l]] as const);
  const name = differing.includes('__name__') ? (metric['__name__'] ?? '') : '';
  if (parts.length === 0) return name || seriesName(metric);
  if (parts.length === 1 && !name) return String(parts[0]?.[1]);
  return `${name}{${parts.map(([k, v]) => `${k}="${v}"`).join(', ')}}`;
}
