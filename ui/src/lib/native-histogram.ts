// Native histograms made ready to draw: one list of buckets for all moments, and the mean and counts for a table.

import type { Bucket, NativeHistogram } from '../api/prometheus';

export interface HeatRow {
  lower: number;
  upper: number;
}

export interface HistogramGrid {
  /** Ascending, without overlaps that the data itself does not have. */
  rows: HeatRow[];
  /** Seconds since the epoch, with a count for each row. */
  columns: { at: number; counts: number[] }[];
  most: number;
}

/** The rows are the buckets of all moments; above `mostRows`, neighbours are taken together. */
export function gridOf(histograms: [number, NativeHistogram][], mostRows = 40): HistogramGrid {
  const known = new Map<string, HeatRow>();
  for (const [, h] of histograms) {
    for (const [, lower, upper] of h.buckets ?? []) known.set(`${lower} ${upper}`, { lower: Number(lower), upper: Number(upper) });
  }
  const all = [...known.values()].sort((a, b) => a.lower - b.lower || a.upper - b.upper);
  const each = Math.max(1, Math.ceil(all.length / mostRows));
  const rows: HeatRow[] = [];
  const rowOf = new Map<string, number>();
  all.forEach((row, i) => {
    const at = Math.floor(i / each);
    const joined = rows[at];
    if (joined) joined.upper = Math.max(joined.upper, row.upper);
    else rows.push({ ...row });
    rowOf.set(`${row.lower} ${row.upper}`, at);
  });
  let most = 0;
  const columns = histograms.map(([at, h]) => {
    const counts = rows.map(() => 0);
    for (const [, lower, upper, n] of h.buckets ?? []) {
      const row = rowOf.get(`${Number(lower)} ${Number(upper)}`);
      if (row === undefined) continue;
      counts[row] = (counts[row] ?? 0) + Math.max(0, Number(n) || 0);
      most = Math.max(most, counts[row] ?? 0);
    }
    return { at, counts };
  });
  return { rows, columns, most };
}

/** `[1, 2)` and the like, as the boundary rule says. */
export function boundsOf([rule, lower, upper]: Bucket): string {
  const left = rule === 1 || rule === 3 ? '[' : '(';
  const right = rule === 0 || rule === 3 ? ']' : ')';
  return `${left}${lower}, ${upper}${right}`;
}

export function meanOf(h: NativeHistogram): number {
  return Number(h.sum) / Number(h.count);
}
