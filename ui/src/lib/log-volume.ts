// Lines over time by level, counted over the lines at hand, and the fields that those lines carry: which there are, in what
// order they are offered, and which are shown beside a message.

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

/** Fields that say where a line comes from or to what it belongs; beside the message they would only repeat. */
const BESIDE_THE_POINT =
  /^(service_.*|level|detected_level|severity_.*|trace_id|span_id|trace_flags|request_id|target|scope_.*|process_.*|host_.*|telemetry_.*|deployment_.*|thread_.*|code_.*|flags|observed_timestamp)$/;

const FIRST = ['level', 'service_name', 'target'];

/** In the order in which one looks for them: the chief ones, those with few values, ids, and last what all lines share. */
export function orderFields(fields: FieldSummary[], lines: number): FieldSummary[] {
  const place = (f: FieldSummary) => {
    const first = FIRST.indexOf(f.name);
    if (first >= 0) return first;
    if (f.distinct === 1 && f.lines >= lines) return 30;
    return BESIDE_THE_POINT.test(f.name) ? 20 : 10;
  };
  return [...fields].sort((a, b) => place(a) - place(b) || b.lines - a.lines || a.name.localeCompare(b.name));
}

/** The names of the fields that are worth showing beside a message. */
export function tellingFields(fields: FieldSummary[], lines: number): string[] {
  return fields
    .filter((f) => !BESIDE_THE_POINT.test(f.name) && !(f.distinct === 1 && f.lines >= lines && lines > 1))
    .map((f) => f.name)
    .sort();
}

const MOST_BRIEF = 36;

/** A value as it stands beside a message: long fractions rounded, long texts cut in the middle. */
export function brief(value: string): string {
  if (/^-?\d+\.\d{4,}$/.test(value)) return String(Number(Number(value).toPrecision(4)));
  if (value.length <= MOST_BRIEF) return value;
  return `${value.slice(0, MOST_BRIEF - 10)}…${value.slice(-8)}`;
}
