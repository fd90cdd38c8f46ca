// Writing trace expressions: from the form's fields, and by adding a condition. Judging them is the server's work.

import { quote } from './logql';

const KEY = /^[A-Za-z0-9_./@$-]+$/;

/** An attribute as an expression has it; keys with other characters stand in quotes. */
export function fieldOf(scope: string, key: string): string {
  return `${scope}.${KEY.test(key) ? key : quote(key)}`;
}

export interface FormFields {
  service: string;
  operation: string;
  tags: Record<string, string>;
  min: string;
  max: string;
}

/** What the form asks for, as an expression. */
export function fromForm({ service, operation, tags, min, max }: FormFields): string {
  const parts: string[] = [];
  if (service) parts.push(`resource.service.name = ${quote(service)}`);
  if (operation) parts.push(`name = ${quote(operation)}`);
  for (const [key, value] of Object.entries(tags)) {
    if (key === 'error' && (value === 'true' || value === 'false')) parts.push(`status ${value === 'true' ? '=' : '!='} error`);
    else if (key === 'span.kind') parts.push(`kind = ${value}`);
    else parts.push(`${fieldOf('', key)} = ${quote(value)}`);
  }
  if (min) parts.push(`duration >= ${min}`);
  if (max) parts.push(`duration <= ${max}`);
  return parts.length > 0 ? `{ ${parts.join(' && ')} }` : '{ }';
}

/** The inside of an expression that is one pair of braces, or null for one that relates spans. */
export function insideOf(expr: string): string | null {
  const text = expr.trim();
  if (!text) return '';
  if (!text.startsWith('{') || !text.endsWith('}')) return null;
  let string = false;
  for (let i = 1; i < text.length - 1; i++) {
    const c = text[i];
    if (string) {
      if (c === '\\') i++;
      else if (c === '"') string = false;
    } else if (c === '"') string = true;
    else if (c === '{' || c === '}') return null;
  }
  return text.slice(1, -1).trim();
}

/** The expression with one more condition; one that relates spans is narrowed by another pair of braces. */
export function withCondition(expr: string, condition: string): string {
  const inside = insideOf(expr);
  if (inside === null) return `(${expr.trim()}) && { ${condition} }`;
  if (!inside) return `{ ${condition} }`;
  if (inside === condition || inside.split(' && ').includes(condition)) return `{ ${inside} }`;
  return `{ ${inside.includes('||') ? `(${inside})` : inside} && ${condition} }`;
}

/** Nanoseconds as a duration of an expression, exact: 1500000 is `1500us`. */
export function durationLiteral(ns: number): string {
  const whole = Math.max(0, Math.round(ns));
  for (const [size, unit] of [[1e9, 's'], [1e6, 'ms'], [1e3, 'us']] as const) {
    if (whole > 0 && whole % size === 0) return `${whole / size}${unit}`;
  }
  return `${whole}ns`;
}

export type ExpressionPlace =
  | { kind: 'field'; word: string; from: number; to: number }
  | { kind: 'value'; field: string; word: string; from: number; to: number }
  | { kind: 'none' };

const WORD = /[\w.:/@$-]/;

/** What could be written at the cursor: a field at the start of a condition, or a value after an operator. */
export function placeAt(text: string, at: number): ExpressionPlace {
  let from = at;
  let depth = 0;
  let string = -1;
  for (let i = 0; i < at; i++) {
    const c = text[i];
    if (string >= 0) {
      if (c === '\\') i++;
      else if (c === '"') string = -1;
    } else if (c === '"') string = i;
    else if (c === '{') depth++;
    else if (c === '}') depth--;
  }
  const begin = string >= 0 ? string : ((): number => {
    while (from > 0 && WORD.test(text[from - 1] ?? '')) from--;
    return from;
  })();
  let to = at;
  if (string >= 0) while (to < text.length && text[to] !== '"' && text[to] !== '}' && text[to] !== '\n') to++;
  else while (to < text.length && WORD.test(text[to] ?? '')) to++;
  if (string >= 0 && text[to] === '"') to++;
  const before = text.slice(0, begin);
  const value = /([\w.:/@$-]+(?:"(?:[^"\\]|\\.)*")?)\s*(=~|!~|!=|>=|<=|=|>|<)\s*$/.exec(before);
  if (depth > 0 && value) {
    return { kind: 'value', field: value[1] ?? '', word: text.slice(begin, at).replace(/^"/, ''), from: begin, to };
  }
  if (string >= 0 || depth <= 0) return { kind: 'none' };
  return { kind: 'field', word: text.slice(begin, at), from: begin, to };
}
