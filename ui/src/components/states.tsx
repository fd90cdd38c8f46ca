// What is shown when there is nothing to show: still loading, went wrong, or empty. Each says what it is and what to do.

import type { ComponentChildren } from 'preact';
import { ApiError } from '../api/http';
import type { Loaded } from '../lib/use-load';
import { Icon } from './icons';

export function Skeleton({ rows = 6, height = 34, label = 'Loading' }: { rows?: number; height?: number; label?: string }) {
  return (
    <div class="skeleton" role="status" aria-label={label}>
      {Array.from({ length: rows }, (_, i) => (
        <div key={i} class="skeleton-row" style={{ height: `${height}px`, opacity: String(1 - i / (rows + 1)) }} />
      ))}
    </div>
  );
}

export function ErrorState({ error, retry, title }: { error: Error; retry?: () => void; title?: string }) {
  const api = error instanceof ApiError ? error : null;
  const heading = title ?? (api?.status === 0 ? 'The server does not answer' : 'That did not work');
  return (
    <div class="state state-error" role="alert">
      <Icon name="warn" size={22} />
      <div>
        <h2>{heading}</h2>
        <p class="state-reason">{error.message}</p>
        {api && (
          <p class="quiet">
            <code>{api.request}</code>
            {api.status > 0 ? `, status ${api.status}` : ''}
          </p>
        )}
        {retry && (
          <button type="button" class="button" onClick={retry}>
            <Icon name="refresh" size={14} /> Try again
          </button>
        )}
      </div>
    </div>
  );
}

export function EmptyState({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="state state-empty">
      <svg width="84" height="56" viewBox="0 0 84 56" fill="none" aria-hidden="true">
        <path class="beam" d="M42 15 84 2v30z" />
        <path class="beam beam-back" d="M42 15 0 2v30z" />
        <path class="tower" d="m38 21-3 29h14l-3-29M30 50h24M38 21h8M37.2 30h9.6M36.3 40h11.4" />
        <circle class="lamp" cx="42" cy="15" r="4.5" />
        <path class="sea" d="M4 54c6 0 6-2 12-2s6 2 12 2 6-2 12-2 6 2 12 2 6-2 12-2 6 2 12 2" />
      </svg>
      <div>
        <h2>{title}</h2>
        {children}
      </div>
    </div>
  );
}

/** Chooses among loading, error and the thing itself. An error beside older data keeps the data and says so above it. */
export function Show<T>({
  of,
  skeleton,
  children,
}: {
  of: Loaded<T>;
  skeleton?: ComponentChildren;
  children: (data: T) => ComponentChildren;
}) {
  if (of.data === undefined) {
    if (of.error) return <ErrorState error={of.error} retry={of.retry} />;
    return <>{skeleton ?? <Skeleton />}</>;
  }
  return (
    <>
      {of.error && <StaleNotice error={of.error} retry={of.retry} />}
      {children(of.data)}
    </>
  );
}

export function StaleNotice({ error, retry }: { error: Error; retry: () => void }) {
  return (
    <div class="notice notice-error" role="alert">
      <Icon name="warn" size={14} />
      <span>Not refreshed: {error.message}</span>
      <button type="button" class="button button-small" onClick={retry}>
        Try again
      </button>
    </div>
  );
}
