// Exemplars as marks on a graph: those that name a trace, thinned so that each stretch of time shows its highest.

import type { Exemplar, Labels } from '../api/prometheus';

export interface Marked {
  traceId: string;
  spanId: string | undefined;
  at: number;
  value: number;
  series: Labels;
}

export function tracesOf(found: { seriesLabels: Labels; exemplars: Exemplar[] }[], startMs: number, endMs: number, most = 80): Marked[] {
  const slots = new Map<number, Marked>();
  const width = (endMs - startMs) / 1000 / most;
  for (const { seriesLabels, exemplars } of found) {
    for (const e of exemplars) {
      const traceId = e.labels['trace_id'] ?? e.labels['traceID'] ?? e.labels['traceId'];
      const value = Number(e.value);
      if (!traceId || !Number.isFinite(value)) continue;
      const slot = Math.floor((e.timestamp - startMs / 1000) / width);
      const known = slots.get(slot);
      if (known && known.value >= value) continue;
      slots.set(slot, { traceId, spanId: e.labels['span_id'] ?? e.labels['spanID'], at: e.timestamp, value, series: seriesLabels });
    }
  }
  return [...slots.values()].sort((a, b) => a.at - b.at);
}
