// The keyboard: `/` goes to the search, `g` and a letter to a page, `?` shows this list. Lists have their own arrows.

import { useLayoutEffect } from 'preact/hooks';
import { href, navigate } from './router';
import { refreshNow } from './time';

export const GO: Record<string, { path: string; name: string }> = {
  h: { path: '/', name: 'Home' },
  t: { path: '/traces', name: 'Traces' },
  s: { path: '/map', name: 'Service map' },
  l: { path: '/logs', name: 'Logs' },
  m: { path: '/metrics-explorer', name: 'Metrics' },
  a: { path: '/alerts', name: 'Alerts' },
  r: { path: '/targets', name: 'Targets' },
};

function typing(target: EventTarget | null): boolean {
  const element = target as HTMLElement | null;
  return Boolean(element?.closest?.('input, textarea, select, [contenteditable]'));
}

/** Puts the cursor into the page's search: the first field that says it is one. */
export function focusSearch(): boolean {
  const field = document.querySelector<HTMLElement>('main [data-search]');
  field?.focus();
  if (field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement) field.select();
  return field !== null;
}

export function useGlobalKeys(openHelp: () => void): void {
  // Before the page is painted: whoever sees it can use the keys.
  useLayoutEffect(() => {
    let pending = 0;
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
      if (typing(event.target)) {
        if (event.key === 'Escape') (event.target as HTMLElement).blur();
        return;
      }
      const now = event.timeStamp;
      const target = pending && now - pending < 1500 ? GO[event.key] : undefined;
      pending = 0;
      if (target) navigate(href(target.path));
      else if (event.key === 'g') {
        pending = now;
        return;
      } else if (event.key === '/') {
        if (!focusSearch()) return;
      } else if (event.key === '?') openHelp();
      else if (event.key === '.') refreshNow();
      else return;
      event.preventDefault();
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, [openHelp]);
}

/** Arrow keys, Home and End move the focus among the rows of a list; rows mark themselves with `data-row`. */
export function moveAmongRows(event: KeyboardEvent): void {
  const step = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity }[event.key];
  if (step === undefined || typing(event.target)) return;
  const rows = [...(event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>('[data-row]')];
  const at = rows.findIndex((row) => row === document.activeElement || row.contains(document.activeElement));
  const next = rows[Math.min(rows.length - 1, Math.max(0, at + step))];
  if (!next) return;
  event.preventDefault();
  next.focus();
}
