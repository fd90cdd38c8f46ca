// Quantiles of a classic histogram, by Prometheus's own rule, and the merging of several histograms into one.

export interface Bucket {
  /** Upper bound; Infinity for the last. */
  le: number;
  /** Cumulative count or rate up to the bound. */
  count: number;
}

/**
 * The quantile `q` of cumulative buckets; NaN when there is nothing in them. Linear within a bucket; the highest finite
 * bound when the quantile falls into the open bucket.
 *
 * Source: Prometheus `bucketQuantile`.
 */
export function bucketQuantile(q: number, buckets: Bucket[]): number {
  const sorted = [...buckets].sort((a, b) => a.le - b.le);
  const last = sorted.at(-1);
  if (!last || last.le !== Infinity || sorted.length < 2 || !(last.count > 0)) return NaN;
  const rank = q * last.count;
  const at = sorted.findIndex((b) => b.count >= rank);
  if (at === sorted.length - 1) return sorted[sorted.length - 2]?.le ?? NaN;
  const bucket = sorted[at];
  if (!bucket) return NaN;
  const below = at > 0 ? sorted[at - 1] : undefined;
  if (!below && bucket.le <= 0) return bucket.le;
  const start = below?.le ?? 0;
  const before = below?.count ?? 0;
  const within = bucket.count - before;
  return within > 0 ? start + (bucket.le - start) * ((rank - before) / within) : bucket.le;
}

/** Adds bucket counts bound by bound. */
export function mergeBuckets(all: Bucket[]): Bucket[] {
  const byBound = new Map<number, number>();
  for (const { le, count } of all) byBound.set(le, (byBound.get(le) ?? 0) + count);
  return [...byBound].map(([le, count]) => ({ le, count }));
}
