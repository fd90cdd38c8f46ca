// Reading and changing LogQL text: enough to add a filter where it belongs, never to judge the query; that is the
// server's work.

/** A string literal with LogQL's (Go's) escapes. */
export function quote(value: string): string {
  return `"${value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n')}"`;
}

/** Where the stream selector's closing brace stands, or -1. Braces within strings do not count. */
export function selectorEnd(query: string): number {
  const open = query.indexOf('{');
  if (open < 0) return -1;
  let inString: string | null = null;
  for (let i = open + 1; i < query.length; i++) {
    const c = query[i];
    if (inString) {
      if (c === '\\' && inString === '"') i++;
      else if (c === inString) inString = null;
    } else if (c === '"' || c === '`') inString = c;
    else if (c === '}') return i;
  }
  return -1;
}

export type FilterOp = '=' | '!=' | '=~' | '!~';

/**
 * The query with one more filter on a field: inside the braces for a stream label, else as a label filter behind them.
 * The same filter is not added twice; its opposite is taken out.
 */
export function addFilter(query: string, field: string, op: FilterOp, value: string, streamLabels: string[]): string {
  const end = selectorEnd(query);
  const inStream = streamLabels.includes(field) && end >= 0;
  const matcher = `${field}${op}${quote(value)}`;
  const opposite = op === '=' ? '!=' : op === '!=' ? '=' : null;
  const opposed = opposite ? `${field}${opposite}${quote(value)}` : null;
  if (!inStream) {
    const base = end < 0 && !query.trim() ? '{}' : query.trim();
    const stage = `| ${matcher}`;
    if (base.includes(stage)) return base;
    if (opposed && base.includes(`| ${opposed}`)) return base.replace(`| ${opposed}`, stage);
    return `${base} ${stage}`;
  }
  const open = query.indexOf('{');
  const rest = query.slice(end + 1);
  const matchers = splitMatchers(query.slice(open + 1, end));
  if (matchers.includes(matcher)) return query;
  const kept = matchers.filter((m) => {
    if (m === opposed) return false;
    // A second equality on one label can match nothing, so the new one takes its place; so does it with `.+`.
    return !(op === '=' && (m.startsWith(`${field}="`) || m.startsWith(`${field}=~`)));
  });
  return `${query.slice(0, open)}{${[...kept, matcher].join(', ')}}${rest}`;
}

/** The matchers between the braces, trimmed. */
export function splitMatchers(body: string): string[] {
  const found = body.match(/[^\s,="!~]+\s*(?:=~|!~|!=|=)\s*(?:"(?:[^"\\]|\\.)*"|`[^`]*`)/g);
  return (found ?? []).map((m) => m.replace(/\s*(=~|!~|!=|=)\s*/, '$1'));
}

/** The query restricted to some levels, whatever their case. */
export function withLevels(query: string, levels: string[]): string {
  if (levels.length === 0) return query;
  const expanded = levels.flatMap((l) => LEVEL_SPELLINGS[l] ?? [l]);
  return `${query} | level=~${quote(`(?i)(${expanded.join('|')})`)}`;
}

/** Whether the text is a query for numbers: a function or an aggregation over a selector with a range. */
export function isMetricQuery(text: string): boolean {
  const trimmed = text.trim();
  return /^[a-z_]+\s*((by|without)\s*\([^)]*\)\s*)?\(|^\(/.test(trimmed) && /\{[^]*\[[^\]]+\]/.test(trimmed);
}

/** The query that the search box's plain words mean. Text that starts with a brace is LogQL already. */
export function fromText(text: string): string {
  const trimmed = text.trim();
  if (!trimmed) return ALL;
  if (trimmed.startsWith('{')) return trimmed;
  return `${ALL} |~ ${quote(`(?i)${trimmed.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')}`)}`;
}

/** Matches every line that names its service. */
export const ALL = '{service_name=~".+"}';

export function serviceQuery(service: string): string {
  return `{service_name=${quote(service)}}`;
}

export function traceQuery(traceId: string, spanId?: string, service?: string): string {
  const span = spanId ? ` | span_id=${quote(spanId)}` : '';
  return `${service ? serviceQuery(service) : ALL} | trace_id=${quote(traceId)}${span}`;
}

export const LEVELS = ['error', 'warn', 'info', 'debug', 'trace'] as const;
export type Level = (typeof LEVELS)[number] | 'other';

const LEVEL_SPELLINGS: Record<string, string[]> = {
  error: ['error', 'err', 'fatal', 'critical', 'crit'],
  warn: ['warn', 'warning'],
  info: ['info', 'information', 'notice'],
  debug: ['debug'],
  trace: ['trace'],
};

/** The level of a line's fields, in one spelling. */
export function levelOf(fields: Record<string, string>): Level {
  const raw = (fields['level'] ?? fields['detected_level'] ?? fields['severity_text'] ?? '').toLowerCase();
  for (const level of LEVELS) {
    if (LEVEL_SPELLINGS[level]?.some((s) => raw === s || raw.startsWith(s))) return level;
  }
  return 'other';
}
