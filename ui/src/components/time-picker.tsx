// The time range and the pace of refresh, shared by every page.

import { useEffect, useRef, useState } from 'preact/hooks';
import { refreshNow, setRefresh, setSpec, type PageTime } from '../app/time';
import { describeSpec, isRelative, PRESETS, resolveSpec, shiftRange, writeLocal } from '../lib/time-range';
import { Icon } from './icons';

const PACES = ['off', '5s', '10s', '30s', '1m'];

export function TimePicker({ time }: { time: PageTime }) {
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);

  useEffect(() => {
    if (!open) return;
    const away = (event: Event) => {
      if (!box.current?.contains(event.target as Node)) setOpen(false);
    };
    addEventListener('pointerdown', away);
    return () => removeEventListener('pointerdown', away);
  }, [open]);

  const close = () => {
    setOpen(false);
    button.current?.focus();
  };
  return (
    <div class="time-picker" ref={box}>
      <div class="button-group">
        <button
          type="button"
          class="button button-icon"
          aria-label="Earlier by half the range"
          onClick={() => setSpec(shiftRange(time.range, -0.5))}
        >
          <Icon name="chevron" size={12} class="flip" />
        </button>
        <button
          type="button"
          class="button"
          ref={button}
          aria-haspopup="dialog"
          aria-expanded={open}
          data-testid="time-range"
          onClick={() => setOpen(!open)}
        >
          <Icon name="clock" size={14} />
          <span class="time-label">{describeSpec(time.spec)}</span>
        </button>
        <button
          type="button"
          class="button button-icon"
          aria-label="Later by half the range"
          disabled={time.spec.to === 'now'}
          onClick={() => setSpec(shiftRange(time.range, 0.5))}
        >
          <Icon name="chevron" size={12} />
        </button>
      </div>
      <div class="button-group">
        <button type="button" class="button button-icon" aria-label="Refresh now" title="Refresh now ( . )" onClick={refreshNow}>
          <Icon name="refresh" size={14} />
        </button>
        <select
          class="select"
          aria-label="Refresh every"
          value={time.refresh}
          disabled={!isRelative(time.spec)}
          onChange={(event) => setRefresh(event.currentTarget.value)}
        >
          {(PACES.includes(time.refresh) ? PACES : [...PACES, time.refresh]).map((pace) => (
            <option key={pace} value={pace}>
              {pace === 'off' ? 'Off' : pace}
            </option>
          ))}
        </select>
      </div>
      {open && <TimePanel time={time} close={close} />}
    </div>
  );
}

function TimePanel({ time, close }: { time: PageTime; close: () => void }) {
  const text = (end: string, ms: number) => (end.includes('now') ? end : writeLocal(ms));
  const [from, setFrom] = useState(text(time.spec.from, time.range.start));
  const [to, setTo] = useState(text(time.spec.to, time.range.end));
  const [error, setError] = useState('');
  const first = useRef<HTMLInputElement>(null);
  useEffect(() => first.current?.focus(), []);

  const absolute = (value: string) => {
    const trimmed = value.trim();
    const ms = Date.parse(trimmed.replace(' ', 'T'));
    return /^\d{4}-/.test(trimmed) && !Number.isNaN(ms) ? String(ms) : trimmed;
  };
  const apply = (event: Event) => {
    event.preventDefault();
    const spec = { from: absolute(from), to: absolute(to) };
    if (!resolveSpec(spec, Date.now())) {
      setError('Not a range. Write now-2h, or 2026-05-01 09:30:00, and let the start be before the end.');
      return;
    }
    setSpec(spec);
    close();
  };
  return (
    <div
      class="popover time-panel"
      role="dialog"
      aria-label="Time range"
      onKeyDown={(event) => {
        if (event.key !== 'Escape') return;
        event.stopPropagation();
        close();
      }}
    >
      <form onSubmit={apply}>
        <label class="field">
          <span>From</span>
          <input ref={first} class="input mono" value={from} onInput={(e) => setFrom(e.currentTarget.value)} />
        </label>
        <label class="field">
          <span>To</span>
          <input class="input mono" value={to} onInput={(e) => setTo(e.currentTarget.value)} />
        </label>
        {error && (
          <p class="field-error" role="alert">
            {error}
          </p>
        )}
        <button type="submit" class="button button-main">
          Apply
        </button>
        <p class="quiet">Times are local. “now-90m” is relative to the moment of the refresh.</p>
      </form>
      <ul class="time-presets">
        {PRESETS.map(({ label, spec }) => (
          <li key={label}>
            <button
              type="button"
              class="menu-item"
              aria-pressed={spec.from === time.spec.from && spec.to === time.spec.to}
              onClick={() => {
                setSpec(spec);
                close();
              }}
            >
              {label}
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}
