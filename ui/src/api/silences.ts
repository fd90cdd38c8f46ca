// Silences, in the form of Alertmanager's API.

import { ApiError, getJson, reasonOf } from './http';
import type { Labels } from './prometheus';

export interface SilenceMatcher {
  name: string;
  value: string;
  isRegex: boolean;
  isEqual: boolean;
}

export interface Silence {
  id: string;
  status: { state: 'active' | 'pending' | 'expired' };
  matchers: SilenceMatcher[];
  startsAt: string;
  endsAt: string;
  createdBy: string;
  comment: string;
}

const PATH = '/api/watchroom/silences';

/** Null where the server has no silences. */
export async function silences(signal?: AbortSignal): Promise<Silence[] | null> {
  try {
    const list = await getJson<Silence[]>(PATH, {}, signal);
    return Array.isArray(list) ? list : null;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  }
}

async function send(method: 'POST' | 'DELETE', path: string, body?: unknown): Promise<void> {
  const init: RequestInit = { method };
  if (body !== undefined) {
    init.headers = { 'content-type': 'application/json' };
    init.body = JSON.stringify(body);
  }
  const response = await fetch(path, init);
  if (!response.ok) throw new ApiError(reasonOf(await response.text(), response.status), response.status, path);
}

/** Silences every alert with all of these labels, from now on for some seconds. */
export function silence(labels: Labels, seconds: number, comment: string): Promise<void> {
  const matchers = Object.entries(labels).map(([name, value]) => ({ name, value, isRegex: false, isEqual: true }));
  return send('POST', PATH, { matchers, endsAt: new Date(Date.now() + seconds * 1000).toISOString(), createdBy: 'page', comment });
}

export function expire(id: string): Promise<void> {
  return send('DELETE', `${PATH}/${encodeURIComponent(id)}`);
}

/** Whether a silence that lasts covers an alert with these labels. */
export function covers(one: Silence, labels: Labels): boolean {
  if (one.status.state !== 'active') return false;
  return one.matchers.every((m) => {
    const value = labels[m.name] ?? '';
    let same = value === m.value;
    if (m.isRegex) {
      try {
        same = new RegExp(`^(?:${m.value})$`, 's').test(value);
      } catch {
        return false;
      }
    }
    return same === m.isEqual;
  });
}
