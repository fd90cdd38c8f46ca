// The time range of a page: as it stands in the URL (`from=now-15m&to=now`, or milliseconds since the epoch), as
// people read it, and resolved against a clock.

import { parseDuration, writeDuration } from './duration';

export interface TimeSpec {
  from: string;
  to: string;
}

/** Milliseconds since the epoch. */
export interface TimeRange {
  start: number;
  end: number;
}

export const DEFAULT_SPEC: TimeSpec = { from: 'now-15m', to: 'now' };

export const PRESETS: { label: string; spec: TimeSpec }[] = [
  ['Last 5 minutes', '5m'],
  ['Last 15 minutes', '15m'],
  ['Last 30 minutes', '30m'],
  ['Last hour', '1h'],
  ['Last 3 hours', '3h'],
  ['Last 6 hours', '6h'],
  ['Last 12 hours', '12h'],
  ['Last 24 hours', '24h'],
  ['Last 2 days', '2d'],
  ['Last 7 days', '7d'],
].map(([label, span]) => ({ label: label as string, spec: { from: `now-${span}`, to: 'now' } }));

/** Milliseconds since the epoch of one end: `now`, `now-1h`, a number of milliseconds, or a date that the browser reads. */
export function resolveInstant(text: string, now: number): number | null {
  const trimmed = text.trim();
  if (trimmed === 'now') return now;
  const relative = /^now\s*([-+])\s*(.+)$/.exec(trimmed);
  if (relative) {
    const seconds = parseDuration(relative[2] ?? '');
    if (seconds === null) return null;
    return now + (relative[1] === '-' ? -seconds : seconds) * 1000;
  }
  if (/^\d{9,}$/.test(trimmed)) return Number(trimmed);
  if (!/^\d{4}-/.test(trimmed)) return null;
  const parsed = Date.parse(trimmed.includes('T') ? trimmed : trimmed.replace(' ', 'T'));
  return Number.isNaN(parsed) ? null : parsed;
}

/** Resolves both ends, or null when either cannot be read or the range is empty. */
export function resolveSpec(spec: TimeSpec, now: number): TimeRange | null {
  const start = resolveInstant(spec.from, now);
  const end = resolveInstant(spec.to, now);
  if (start === null || end === null || end <= start) return null;
  return { start, end };
}

export function isRelative(spec: TimeSpec): boolean {
  return spec.to.includes('now') || spec.from.includes('now');
}

const two = (n: number) => String(n).padStart(2, '0');

/** `2026-05-01 09:30:00` in local time, which `resolveInstant` reads back. */
export function writeLocal(ms: number): string {
  const d = new Date(ms);
  const date = `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
  return `${date} ${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
}

/** What the picker's button says. */
export function describeSpec(spec: TimeSpec): string {
  const preset = PRESETS.find((p) => p.spec.from === spec.from && p.spec.to === spec.to);
  if (preset) return preset.label;
  if (spec.to === 'now' && spec.from.startsWith('now-')) return `Last ${spec.from.slice(4)}`;
  const end = (text: string) => (/^\d{9,}$/.test(text) ? writeLocal(Number(text)) : text);
  const [from, to] = [end(spec.from), end(spec.to)];
  return from.slice(0, 10) === to.slice(0, 10) ? `${from} – ${to.slice(11)}` : `${from} – ${to}`;
}

const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 28_800, 86_400];

/** The smallest round step, in seconds and not under `least`, that covers the range in at most `points` points. */
export function stepFor(range: TimeRange, points: number, least = 1): number {
  const wanted = Math.max(least, (range.end - range.start) / 1000 / points);
  return STEPS.find((step) => step >= wanted) ?? Math.ceil(wanted / 86_400) * 86_400;
}

/** The range with both ends on the step's grid, so that a refresh draws the same points again. */
export function alignRange(range: TimeRange, step: number): TimeRange {
  const ms = step * 1000;
  return { start: Math.floor(range.start / ms) * ms, end: Math.floor(range.end / ms) * ms };
}

/** The window for `rate` at a step: at least a minute, so that it holds several samples. */
export function rateWindow(step: number): string {
  return writeDuration(Math.max(60, step));
}

/** The range moved by a fraction of its own length, or widened when `zoom` is over 1, as an absolute spec. */
export function shiftRange(range: TimeRange, fraction: number, zoom = 1): TimeSpec {
  const length = range.end - range.start;
  const middle = range.start + length / 2 + length * fraction;
  return { from: String(Math.round(middle - (length * zoom) / 2)), to: String(Math.round(middle + (length * zoom) / 2)) };
}
