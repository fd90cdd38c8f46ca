// Lines over time by level, counted over the lines at hand, and the fields that those lines carry.

import type { LogEntry } from '../api/loki';
import { LEVELS, levelOf, type Level } from './logql';
import type { TimeRange } from './time-range';

export interface VolumeBin {
  /** Milliseconds, inclusive. */
  start: number;
  total: number;
  levels: Partial<Record<Level, number>>;
}

export const LEVEL_ORDER: Level[] = [...LEVELS, 'other'];

function emptyBins(range: TimeRange, step: number): VolumeBin[] {
  const ms = step * 1000;
  const first = Math.floor(range.start / ms) * ms;
  const n = Math.max(1, Math.ceil((range.end - first) / ms));
  return Array.from({ length: n }, (_, i) => ({ start: first + i * ms, total: 0, levels: {} }));
}

function add(bin: VolumeBin | undefined, level: Level, n: number): void {
  if (!bin || !(n > 0)) return;
  bin.total += n;
  bin.levels[level] = (bin.levels[level] ?? 0) + n;
}

export function volumeOfEntries(entries: LogEntry[], range: TimeRange, step: number): VolumeBin[] {
  const bins = emptyBins(range, step);
  const first = bins[0]?.start ?? 0;
  for (const entry of entries) add(bins[Math.floor((entry.ms - first) / (step * 1000))], levelOf(entry.fields), 1);
  return bins;
}

export interface FieldSummary {
  name: string;
  /** Lines that carry it. */
  lines: number;
  distinct: number;
  top: { value: string; lines: number }[];
}

/** Every field of the lines with its most frequent values; fields that many lines share come first. */
export function summariseFields(entries: LogEntry[], most = 8): FieldSummary[] {
  const fields = new Map<string, Map<string, number>>();
  for (const { fields: own } of entries) {
    for (const name in own) {
      const values = fields.get(name) ?? new Map<string, number>();
      const value = own[name] ?? '';
      values.set(value, (values.get(value) ?? 0) + 1);
      fields.set(name, values);
    }
  }
  return [...fields]
    .map(([name, values]) => ({
      name,
      lines: [...values.values()].reduce((a, b) => a + b, 0),
      distinct: values.size,
      top: [...values]
        .sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]))
        .slice(0, most)
        .map(([value, lines]) => ({ value, lines })),
    }))
    .sort((a, b) => b.lines - a.lines || a.name.localeCompare(b.name));
}
