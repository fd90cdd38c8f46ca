// What could be written at the cursor of a PromQL query. Names are asked for once and kept for a minute; labels and values by
// the metric that the cursor belongs to.

import * as prometheus from '../../api/prometheus';
import type { Choice, Offer } from '../../components/code-input';
import { rank, readCursor } from '../../lib/completion';
import { AGGREGATIONS, KEYWORDS } from '../../lib/promql';
import { FUNCTIONS } from '../../lib/promql-functions';

const KEEP_MS = 60_000;
const kept = new Map<string, { at: number; value: Promise<unknown> }>();

function keep<T>(key: string, load: () => Promise<T>): Promise<T> {
  const found = kept.get(key);
  if (found && performance.now() - found.at < KEEP_MS) return found.value as Promise<T>;
  const value = load();
  value.catch(() => kept.delete(key));
  kept.set(key, { at: performance.now(), value });
  if (kept.size > 200) kept.delete(kept.keys().next().value as string);
  return value;
}

export function metricNames(): Promise<string[]> {
  return keep('names', () => prometheus.labelValues('__name__', undefined));
}

export function metricMeta(): Promise<Record<string, prometheus.MetricMeta[]>> {
  return keep('metadata', () => prometheus.metadata().catch(() => ({})));
}

/** The metadata of a metric; that of a histogram or summary stands under its base name. */
export function metaOf(
  meta: Record<string, prometheus.MetricMeta[]>,
  name: string,
): prometheus.MetricMeta | undefined {
  return meta[name]?.[0] ?? meta[name.replace(/_(bucket|sum|count|total)$/, '')]?.[0];
}

const FIXED: Choice[] = [
  ...FUNCTIONS.map((f) => ({
    text: f.name,
    insert: `${f.name}(…)`,
    kind: AGGREGATIONS.includes(f.name) ? 'aggregation' : 'function',
    detail: f.help,
  })),
  ...KEYWORDS.map((text) => ({ text, kind: 'keyword' })),
];

const DURATIONS = ['1m', '5m', '15m', '30m', '1h', '6h', '1d', '7d'];

async function labelsOf(metric: string | null): Promise<string[]> {
  const names = await keep(`labels ${metric ?? ''}`, () => prometheus.labelNames(metric ?? undefined));
  return names.filter((n) => n !== '__name__');
}

export async function metricSuggestions(text: string, at: number): Promise<Offer> {
  const cursor = readCursor(text, at);
  const { place, word } = cursor;
  const offer = (choices: Choice[]): Offer => ({ cursor, choices: rank(choices, word) });
  switch (place.kind) {
    case 'label-name':
      return offer((await labelsOf(place.metric)).map((name) => ({ text: name, insert: `${name}="…"`, kind: 'label' })));
    case 'grouping':
      return offer((await labelsOf(place.metric)).map((name) => ({ text: name, kind: 'label' })));
    case 'label-value': {
      const key = `values ${place.metric ?? ''} ${place.label}`;
      const values = await keep(key, () => prometheus.labelValues(place.label, place.metric ?? undefined));
      return offer(values.map((value) => ({ text: value, kind: 'value' })));
    }
    case 'duration':
      return offer(DURATIONS.map((d) => ({ text: d, kind: 'duration' })));
    case 'expression': {
      const [names, meta] = await Promise.all([metricNames(), metricMeta()]);
      const metrics = names.map((name): Choice => {
        const known = metaOf(meta, name);
        return known ? { text: name, kind: 'metric', detail: known.help || known.type } : { text: name, kind: 'metric' };
      });
      // Names of metrics first while nothing is typed; then whatever fits best.
      return offer([...metrics, ...FIXED]);
    }
    default:
      return { cursor, choices: [] };
  }
}
