// The live tail as state: lines newest first in a buffer that never grows past its bound, shown at most four times a second.

import { useEffect, useRef, useState } from 'preact/hooks';
import * as loki from '../../api/loki';

export const MOST_LINES = 3000;
const PACE_MS = 250;

export interface LiveTail {
  entries: loki.LogEntry[];
  state: 'connecting' | 'open' | 'lost';
  paused: boolean;
  /** Lines that came while paused, up to the bound. */
  waiting: number;
  togglePause: () => void;
  clear: () => void;
}

/** Newest first; what goes past the bound is forgotten. Ids are made unique anew, as answers may share a moment. */
export function mergeTail(old: loki.LogEntry[], fresh: loki.LogEntry[], turn: number, most = MOST_LINES): loki.LogEntry[] {
  return [...fresh.map((e) => ({ ...e, id: `${turn}:${e.id}` })), ...old].slice(0, most);
}

export function useTail(expr: string | null): LiveTail {
  const [entries, setEntries] = useState<loki.LogEntry[]>([]);
  const [state, setState] = useState<LiveTail['state']>('connecting');
  const [paused, setPaused] = useState(false);
  const [waiting, setWaiting] = useState(0);
  const held = useRef<loki.LogEntry[]>([]);
  const isPaused = useRef(false);
  isPaused.current = paused;

  useEffect(() => {
    setEntries([]);
    held.current = [];
    setWaiting(0);
    setPaused(false);
    if (expr === null) return;
    let turn = 0;
    const tail = loki.tail(
      expr,
      (fresh) => {
        held.current = mergeTail(held.current, fresh, turn++);
      },
      setState,
    );
    const timer = setInterval(() => {
      if (isPaused.current) {
        setWaiting(held.current.length);
        return;
      }
      if (held.current.length === 0) return;
      const fresh = held.current;
      held.current = [];
      setWaiting(0);
      setEntries((old) => [...fresh, ...old].slice(0, MOST_LINES));
    }, PACE_MS);
    return () => {
      clearInterval(timer);
      tail.close();
    };
  }, [expr]);

  return {
    entries,
    state,
    paused,
    waiting,
    togglePause: () => setPaused(!paused),
    clear: () => {
      held.current = [];
      setEntries([]);
      setWaiting(0);
    },
  };
}
