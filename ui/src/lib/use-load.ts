// Loading as a state of a component: what came, what went wrong, and a way to try again. A newer request cancels the older,
// and what is shown stays until its successor is here.

import { useEffect, useRef, useState } from 'preact/hooks';
import { createStore } from './store';

/** How many requests are under way on the whole page. */
export const underWay = createStore(0);

export interface Loaded<T> {
  data: T | undefined;
  error: Error | undefined;
  loading: boolean;
  retry: () => void;
}

/**
 * Loads whenever `key` changes; null loads nothing. `subject` says what the data is about: while it stays the same the old
 * data is kept on the screen, when it changes the old data goes at once.
 */
export function useLoad<T>(key: string | null, subject: string, load: (signal: AbortSignal) => Promise<T>): Loaded<T> {
  const [state, setState] = useState<{ subject: string; data?: T; error?: Error; loading: boolean }>({
    subject,
    loading: key !== null,
  });
  const [attempt, setAttempt] = useState(0);
  const latest = useRef(load);
  latest.current = load;
  useEffect(() => {
    if (key === null) {
      setState({ subject, loading: false });
      return;
    }
    const control = new AbortController();
    let ended = false;
    const end = () => {
      if (!ended) underWay.set(underWay.get() - 1);
      ended = true;
    };
    underWay.set(underWay.get() + 1);
    setState((old) =>
      old.subject === subject ? { ...old, loading: true } : { subject, loading: true },
    );
    latest.current(control.signal).then(
      (data) => {
        end();
        if (!control.signal.aborted) setState({ subject, data, loading: false });
      },
      (cause: unknown) => {
        end();
        if (control.signal.aborted) return;
        const error = cause instanceof Error ? cause : new Error(String(cause));
        setState((old) => ({ subject, ...(old.data !== undefined ? { data: old.data } : {}), error, loading: false }));
      },
    );
    return () => {
      end();
      control.abort();
    };
  }, [key, subject, attempt]);
  const current = state.subject === subject;
  return {
    data: current ? state.data : undefined,
    error: current ? state.error : undefined,
    loading: current ? state.loading : key !== null,
    retry: () => setAttempt((n) => n + 1),
  };
}

/** The size of an element, as it changes. */
export function useSize<E extends HTMLElement>(): [(element: E | null) => void, { width: number; height: number }] {
  const [size, setSize] = useState({ width: 0, height: 0 });
  const [element, setElement] = useState<E | null>(null);
  useEffect(() => {
    if (!element) return;
    const measure = () => setSize({ width: element.clientWidth, height: element.clientHeight });
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    return () => observer.disconnect();
  }, [element]);
  return [setElement, size];
}
