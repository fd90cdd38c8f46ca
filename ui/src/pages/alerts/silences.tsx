// Silences: those that last, with a way to end them, and the form that makes one for an alert.

import { useState } from 'preact/hooks';
import * as api from '../../api/silences';
import type { Labels } from '../../api/prometheus';
import { refreshNow } from '../../app/time';
import { Icon } from '../../components/icons';
import { ago, dateClock, longDuration } from '../../lib/format';

const LENGTHS: [string, number][] = [
  ['30 minutes', 1800],
  ['2 hours', 7200],
  ['8 hours', 28_800],
  ['1 day', 86_400],
  ['7 days', 604_800],
];

function written(m: api.SilenceMatcher): string {
  return `${m.name}${m.isEqual ? (m.isRegex ? '=~' : '=') : m.isRegex ? '!~' : '!='}${JSON.stringify(m.value)}`;
}

export function Silences({ list, now }: { list: api.Silence[]; now: number }) {
  const [error, setError] = useState('');
  const lasting = list.filter((s) => s.status.state !== 'expired').sort((a, b) => a.endsAt.localeCompare(b.endsAt));
  if (lasting.length === 0) return null;
  const end = async (id: string) => {
    try {
      await api.expire(id);
      setError('');
      refreshNow();
    } catch (cause) {
      setError(cause instanceof Error ? cause.message : String(cause));
    }
  };
  return (
    <section class="silences" aria-label="Silences" data-testid="silences">
      <h2>Silences</h2>
      {error && (
        <p class="query-error" role="alert">
          {error}
        </p>
      )}
      <ul>
        {lasting.map((s) => (
          <li key={s.id} class="silence panel" data-testid="silence">
            <span class="badge">{s.status.state}</span>
            <span class="instance-labels">
              {s.matchers.map((m) => (
                <span key={written(m)} class="label-chip mono">
                  {written(m)}
                </span>
              ))}
            </span>
            <span class="clip quiet">{s.comment}</span>
            <span class="spacer" />
            <span class="quiet" title={dateClock(Date.parse(s.endsAt))}>
              {s.status.state === 'pending' ? `begins ${dateClock(Date.parse(s.startsAt))}` : `ends in ${longDuration((Date.parse(s.endsAt) - now) / 1000)}`}
              {s.createdBy ? `, by ${s.createdBy}` : ''}
              {s.status.state === 'active' ? `, since ${ago(Date.parse(s.startsAt), now)}` : ''}
            </span>
            <button type="button" class="button button-small" onClick={() => void end(s.id)}>
              End now
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** Silences one alert for as long as is chosen. */
export function SilenceButton({ labels }: { labels: Labels }) {
  const [open, setOpen] = useState(false);
  const [seconds, setSeconds] = useState(7200);
  const [comment, setComment] = useState('');
  const [error, setError] = useState('');
  const submit = async (event: Event) => {
    event.preventDefault();
    try {
      await api.silence(labels, seconds, comment);
      setOpen(false);
      setError('');
      refreshNow();
    } catch (cause) {
      setError(cause instanceof Error ? cause.message : String(cause));
    }
  };
  if (!open) {
    return (
      <button type="button" class="button button-small" data-testid="silence-open" onClick={() => setOpen(true)}>
        Silence
      </button>
    );
  }
  return (
    <form class="silence-form" aria-label="Silence this alert" onSubmit={(e) => void submit(e)} onKeyDown={(e) => e.key === 'Escape' && setOpen(false)}>
      <select class="select" aria-label="For how long" value={seconds} onChange={(e) => setSeconds(Number(e.currentTarget.value))}>
        {LENGTHS.map(([name, value]) => (
          <option key={value} value={value}>
            {name}
          </option>
        ))}
      </select>
      <input class="input" aria-label="Why" placeholder="Why" value={comment} onInput={(e) => setComment(e.currentTarget.value)} />
      <button type="submit" class="button button-small button-main">
        Silence
      </button>
      <button type="button" class="button button-small button-bare button-icon" aria-label="Do not silence" onClick={() => setOpen(false)}>
        <Icon name="close" size={12} />
      </button>
      {error && (
        <p class="query-error" role="alert">
          {error}
        </p>
      )}
    </form>
  );
}
