// The server's own API: what it holds and where it listens.

import { getJson } from './http';

export interface Status {
  version: string;
  uptime_seconds: number;
  store: {
    series?: number;
    samples?: number;
    spans?: number;
    log_lines?: number;
    disk_bytes?: number;
    memory_bytes?: number;
    dropped?: number;
  };
  ingest?: Record<string, unknown>;
  listeners?: Record<string, string>;
}

export function status(signal?: AbortSignal): Promise<Status> {
  return getJson<Status>('/api/watchroom/status', {}, signal);
}
