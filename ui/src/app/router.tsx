// Where the page is: path and parameters, kept in the URL alone, so that every view can be sent as a link.

import type { ComponentChildren } from 'preact';
import { useCallback } from 'preact/hooks';
import { createStore, useStore } from '../lib/store';

export interface Place {
  path: string;
  params: URLSearchParams;
}

const read = (): Place => ({ path: location.pathname, params: new URLSearchParams(location.search) });

export const place = createStore<Place>(read());

addEventListener('popstate', () => place.set(read()));

export function navigate(to: string, how: { replace?: boolean } = {}): void {
  if (to === location.pathname + location.search) return;
  if (how.replace) history.replaceState(null, '', to);
  else history.pushState(null, '', to);
  const before = place.get().path;
  place.set(read());
  if (place.get().path !== before) scrollTo(0, 0);
}

/** Parameters that go along from page to page: the time range. */
const CARRIED = ['from', 'to'];

export type LinkParams = Record<string, string | number | string[] | undefined | null>;

/** Writes a path with parameters; empty ones are left out. The time range of this page goes along unless given. */
export function href(path: string, params: LinkParams = {}, carry = true): string {
  const out = new URLSearchParams();
  if (carry) {
    for (const name of CARRIED) {
      const value = place.get().params.get(name);
      if (value && !(name in params)) out.set(name, value);
    }
  }
  for (const [name, value] of Object.entries(params)) {
    if (value === undefined || value === null || value === '') continue;
    for (const one of Array.isArray(value) ? value : [value]) out.append(name, String(one));
  }
  const query = out.toString();
  return query ? `${path}?${query}` : path;
}

/** Changes parameters of this page; null or the empty text takes one out. */
export function setParams(changes: LinkParams, how: { replace?: boolean } = {}): void {
  const { path, params } = place.get();
  const next = new URLSearchParams(params);
  for (const [name, value] of Object.entries(changes)) {
    next.delete(name);
    if (value === undefined || value === null || value === '') continue;
    for (const one of Array.isArray(value) ? value : [value]) next.append(name, String(one));
  }
  const query = next.toString();
  navigate(query ? `${path}?${query}` : path, how);
}

export function usePlace(): Place {
  return useStore(place);
}

/** One parameter of the URL as state. The default stands for absence and is not written. */
export function useParam(name: string, fallback = ''): [string, (value: string, how?: { replace?: boolean }) => void] {
  const { params } = usePlace();
  const set = useCallback(
    (value: string, how?: { replace?: boolean }) => setParams({ [name]: value === fallback ? null : value }, how),
    [name, fallback],
  );
  return [params.get(name) ?? fallback, set];
}

export interface LinkProps {
  to: string;
  children?: ComponentChildren;
  class?: string;
  title?: string | undefined;
  target?: '_blank';
  id?: string;
  onClick?: (event: MouseEvent) => void;
  'aria-current'?: 'page' | undefined;
  'aria-label'?: string;
  'data-row'?: boolean;
  'data-testid'?: string;
  style?: Record<string, string>;
}

/** A link that changes the place without loading the page anew; with a modifier key it is the browser's own. */
export function Link({ to, onClick, ...rest }: LinkProps) {
  return (
    <a
      {...rest}
      href={to}
      onClick={(event) => {
        onClick?.(event);
        const modified = event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || event.button !== 0;
        if (event.defaultPrevented || modified || rest.target) return;
        event.preventDefault();
        navigate(to);
      }}
    />
  );
}
