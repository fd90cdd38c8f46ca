// How numbers, durations, sizes and moments are written everywhere on the page.

/** Three significant figures, without an exponent for everyday sizes. */
export function significant(value: number, digits = 3): string {
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1e15 || size < 1e-6) return value.toExponential(2);
  const decimals = Math.max(0, digits - 1 - Math.floor(Math.log10(size)));
  const fixed = value.toFixed(Math.min(decimals, 9));
  return fixed.includes('.') ? fixed.replace(/\.?0+$/, '') : fixed;
}

/** A count with k, M, G: 1234567 is `1.23M`. */
export function count(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  for (const [limit, unit] of [[1e12, 'T'], [1e9, 'G'], [1e6, 'M'], [1e4, 'k']] as const) {
    if (size >= limit) return `${significant(value / (limit === 1e4 ? 1e3 : limit))}${unit}`;
  }
  return significant(value, size >= 1000 ? 4 : 3);
}

export function bytes(value: number): string {
  const size = Math.abs(value);
  for (const [limit, unit] of [[2 ** 40, 'TiB'], [2 ** 30, 'GiB'], [2 ** 20, 'MiB'], [2 ** 10, 'KiB']] as const) {
    if (size >= limit) return `${significant(value / limit)} ${unit}`;
  }
  return `${Math.round(value)} B`;
}

/** Seconds in the unit that reads best: `840 µs`, `12.3 ms`, `1.25 s`, `2 m 5 s`. */
export function seconds(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  if (size === 0) return '0 s';
  if (size < 0.9995e-3) return `${significant(value * 1e6)} µs`;
  if (size < 0.9995) return `${significant(value * 1e3)} ms`;
  if (size < 59.95) return `${significant(value)} s`;
  return longDuration(value);
}

export function micros(value: number): string {
  return seconds(value / 1e6);
}

/** Two largest units of a longer time: `3 h 12 m`. */
export function longDuration(value: number): string {
  const whole = Math.floor(Math.abs(value));
  const parts: [number, string][] = [
    [Math.floor(whole / 86_400), 'd'],
    [Math.floor(whole / 3600) % 24, 'h'],
    [Math.floor(whole / 60) % 60, 'm'],
    [whole % 60, 's'],
  ];
  const first = parts.findIndex(([n]) => n > 0);
  if (first < 0) return '0 s';
  return parts
    .slice(first, first + 2)
    .filter(([n]) => n > 0)
    .map(([n, unit]) => `${n} ${unit}`)
    .join(' ');
}

/** A share from 0 to 1 as a percentage: small ones keep a figure, none is `0 %`. */
export function percent(share: number): string {
  if (!Number.isFinite(share)) return '–';
  if (share === 0) return '0 %';
  const value = share * 100;
  if (value < 0.1) return '< 0.1 %';
  return `${value >= 10 ? Math.round(value) : value.toFixed(1)} %`;
}

export function rate(perSecond: number): string {
  if (!Number.isFinite(perSecond)) return '–';
  if (perSecond > 0 && perSecond < 0.01) return '< 0.01';
  return count(perSecond);
}

const two = (n: number) => String(n).padStart(2, '0');

/** `09:30:01`, with milliseconds if asked for. Local time. */
export function clock(ms: number, millis = false): string {
  const d = new Date(ms);
  const time = `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
  return millis ? `${time}.${String(d.getMilliseconds()).padStart(3, '0')}` : time;
}

/** `20 Nov 09:30:01`. */
export function dateClock(ms: number, millis = false): string {
  const d = new Date(ms);
  const month = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'][d.getMonth()];
  return `${d.getDate()} ${month} ${clock(ms, millis)}`;
}

/** How long ago: `just now`, `12 s ago`, `3 h ago`. */
export function ago(ms: number, now: number): string {
  const s = Math.round((now - ms) / 1000);
  if (s < 0) return 'in the future';
  if (s < 2) return 'just now';
  if (s < 60) return `${s} s ago`;
  if (s < 3600) return `${Math.floor(s / 60)} m ago`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h ago`;
  return `${Math.floor(s / 86_400)} d ago`;
}

export function plural(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

/** Picks how a metric's values are written from its name's unit suffix. */
export function formatFor(query: string): (value: number) => string {
  if (/_(bytes|bytes_total)\b/.test(query) && !/\brate\b|\birate\b/.test(query)) return bytes;
  if (/histogram_quantile/.test(query) && /_(seconds|latency)_bucket\b/.test(query)) return seconds;
  if (/_(duration|latency)_seconds\b(?!_)/.test(query) && !/_(bucket|count)\b/.test(query)) return seconds;
  return count;
}
