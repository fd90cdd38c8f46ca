// Range results made ready to draw: one grid of moments, gaps where there is no sample, names and figures for the legend.

import type { Labels, MatrixSeries } from '../api/prometheus';
import { differingLabels, legendName, seriesName } from './promql';

export interface ChartSeries {
  key: string;
  label: string;
  metric: Labels;
  values: (number | null)[];
  last: number | null;
  min: number;
  max: number;
  avg: number;
}

export interface ChartData {
  /** Seconds since the epoch. */
  times: number[];
  series: ChartSeries[];
  /** Series that the server answered beyond those that are drawn. */
  left: number;
}

/** The series with the largest means are kept when there are more than `most`. */
export function chartData(
  answers: { name: string; series: MatrixSeries[] }[],
  startMs: number,
  endMs: number,
  step: number,
  most = 60,
): ChartData {
  const n = Math.floor((endMs - startMs) / (step * 1000)) + 1;
  const start = startMs / 1000;
  const times = Array.from({ length: n }, (_, i) => start + i * step);
  const all: ChartSeries[] = [];
  for (const { name, series } of answers) {
    const differing = differingLabels(series.map((s) => s.metric));
    for (const one of series) {
      const values = new Array<number | null>(n).fill(null);
      let [sum, count, min, max] = [0, 0, Infinity, -Infinity];
      let last: number | null = null;
      for (const [at, text] of one.values) {
        const i = Math.round((at - start) / step);
        const value = Number(text);
        if (i < 0 || i >= n || !Number.isFinite(value)) continue;
        values[i] = value;
        sum += value;
        count++;
        min = Math.min(min, value);
        max = Math.max(max, value);
        last = value;
      }
      const plain = series.length === 1 ? soleName(one.metric, name) : legendName(one.metric, differing);
      const label = answers.length > 1 ? `${name.length <= 2 ? `${name}: ` : ''}${plain}` : plain;
      all.push({
        key: `${name} ${seriesName(one.metric)}`,
        label,
        metric: one.metric,
        values,
        last,
        min: count > 0 ? min : NaN,
        max: count > 0 ? max : NaN,
        avg: count > 0 ? sum / count : NaN,
      });
    }
  }
  if (all.length <= most) return { times, series: all, left: 0 };
  const weight = (s: ChartSeries) => (Number.isNaN(s.avg) ? -Infinity : s.avg);
  const kept = new Set([...all].sort((a, b) => weight(b) - weight(a)).slice(0, most));
  return { times, series: all.filter((s) => kept.has(s)), left: all.length - most };
}

function soleName(metric: Labels, query: string): string {
  return Object.keys(metric).length > 0 ? seriesName(metric) : query.length <= 2 ? 'value' : query;
}

/** A query that shows a metric as its type asks for: counters as rates, histograms as a quantile, gauges as they are. */
export function starterQuery(name: string, type: string | undefined): string {
  if (/_bucket$/.test(name)) return `histogram_quantile(0.95, sum by (le) (rate(${name}[5m])))`;
  if (type === 'histogram') return `histogram_quantile(0.95, sum by (le) (rate(${name}_bucket[5m])))`;
  if (type === 'counter' || /_(total|count|sum)$/.test(name)) return `rate(${name}[1m])`;
  return name;
}

/** The moments along an axis, written as long as the range needs. */
export function timeLabel(seconds: number, rangeSeconds: number): string {
  const d = new Date(seconds * 1000);
  const two = (n: number) => String(n).padStart(2, '0');
  const time = `${two(d.getHours())}:${two(d.getMinutes())}`;
  if (rangeSeconds <= 600) return `${time}:${two(d.getSeconds())}`;
  if (rangeSeconds <= 129_600) return time;
  return `${d.getDate()}.${d.getMonth() + 1}. ${time}`;
}
