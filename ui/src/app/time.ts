// The page's time: the range in the URL, resolved against one clock that moves only when the page refreshes, so that all
// that is on the screen is of the same moment.

import { useEffect, useMemo } from 'preact/hooks';
import { parseDuration } from '../lib/duration';
import { createStore, useStore } from '../lib/store';
import { DEFAULT_SPEC, isRelative, resolveSpec, type TimeRange, type TimeSpec } from '../lib/time-range';
import { place, setParams, usePlace } from './router';

const clock = createStore(Date.now());

/** Moves the page's clock to now: everything that is relative to it loads again. */
export function refreshNow(): void {
  clock.set(Math.max(Date.now(), clock.get() + 1));
}

let lastPath = place.get().path;
place.subscribe(() => {
  if (place.get().path === lastPath) return;
  lastPath = place.get().path;
  refreshNow();
});

/** Pages that are read rather than watched do not move under the reader unless asked to. */
const STILL = ['/traces', '/trace/', '/logs'];

function defaultRefresh(path: string): string {
  return STILL.some((p) => path.startsWith(p)) ? 'off' : '10s';
}

export interface PageTime {
  spec: TimeSpec;
  range: TimeRange;
  /** The moment that the page shows as now. */
  now: number;
  refresh: string;
  /** The spec in the URL could not be read and the default stands in. */
  invalid: boolean;
}

export function usePageTime(): PageTime {
  const { path, params } = usePlace();
  const now = useStore(clock);
  const from = params.get('from') ?? DEFAULT_SPEC.from;
  const to = params.get('to') ?? DEFAULT_SPEC.to;
  const refresh = params.get('refresh') ?? defaultRefresh(path);
  return useMemo(() => {
    const given = { from, to };
    const range = resolveSpec(given, now);
    if (range) return { spec: given, range, now, refresh, invalid: false };
    const fallback = resolveSpec(DEFAULT_SPEC, now) as TimeRange;
    return { spec: DEFAULT_SPEC, range: fallback, now, refresh, invalid: true };
  }, [from, to, now, refresh]);
}

export function setSpec(spec: TimeSpec): void {
  const isDefault = spec.from === DEFAULT_SPEC.from && spec.to === DEFAULT_SPEC.to;
  setParams(isDefault ? { from: null, to: null } : { from: spec.from, to: spec.to });
  refreshNow();
}

export function setRange(start: number, end: number): void {
  setSpec({ from: String(Math.floor(start)), to: String(Math.ceil(end)) });
}

export function setRefresh(refresh: string): void {
  setParams({ refresh: refresh === defaultRefresh(place.get().path) ? null : refresh }, { replace: true });
}

/** Keeps the clock moving at the chosen pace; rests while the tab is hidden or the range is in the past. */
export function useAutoRefresh(time: PageTime): void {
  const { refresh, spec } = time;
  const moving = isRelative(spec);
  useEffect(() => {
    const pace = parseDuration(refresh);
    if (!pace || !moving) return;
    const timer = setInterval(() => {
      if (!document.hidden) refreshNow();
    }, pace * 1000);
    return () => clearInterval(timer);
  }, [refresh, moving]);
}
