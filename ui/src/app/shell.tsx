// The frame round every page: the way between pages, the time, the light and the help.

import type { ComponentChildren } from 'preact';
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import * as prometheus from '../api/prometheus';
import { Icon, type IconName } from '../components/icons';
import { TimePicker } from '../components/time-picker';
import { useStore } from '../lib/store';
import { underWay, useLoad } from '../lib/use-load';
import { focusSearch, useGlobalKeys } from './keys';
import { href, Link, usePlace } from './router';
import { chooseTheme, themeChoice, type ThemeChoice } from './theme';
import { useAutoRefresh, usePageTime } from './time';

const NAV: { path: string; name: string; icon: IconName; key: string; also?: string }[] = [
  { path: '/', name: 'Home', icon: 'home', key: 'h' },
  { path: '/traces', name: 'Traces', icon: 'traces', key: 't', also: '/trace/' },
  { path: '/map', name: 'Map', icon: 'map', key: 's' },
  { path: '/logs', name: 'Logs', icon: 'logs', key: 'l' },
  { path: '/metrics-explorer', name: 'Metrics', icon: 'metrics', key: 'm' },
  { path: '/alerts', name: 'Alerts', icon: 'alerts', key: 'a' },
  { path: '/targets', name: 'Targets', icon: 'targets', key: 'r' },
];

const THEMES: Record<ThemeChoice, { next: ThemeChoice; icon: IconName; label: string }> = {
  system: { next: 'dark', icon: 'auto', label: 'Theme: as the system' },
  dark: { next: 'light', icon: 'moon', label: 'Theme: dark' },
  light: { next: 'system', icon: 'sun', label: 'Theme: light' },
};

export function Shell({ title, children }: { title: string; children: ComponentChildren }) {
  const { path } = usePlace();
  const time = usePageTime();
  useAutoRefresh(time);
  const [help, setHelp] = useState(false);
  useGlobalKeys(useCallback(() => setHelp(true), []));
  const choice = useStore(themeChoice);
  const firing = useLoad(`${time.now}`, 'firing', async (signal) => {
    const alerts = await prometheus.alerts(signal);
    return alerts.filter((a) => a.state === 'firing').length;
  });
  const current = (item: (typeof NAV)[number]) =>
    item.path === path || (item.also !== undefined && path.startsWith(item.also));

  return (
    <div class="shell">
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          if (!focusSearch()) document.querySelector<HTMLElement>('main')?.focus();
        }}
      >
        Skip to the page
      </a>
      <div class="light-beam" aria-hidden="true" />
      <nav class="nav" aria-label="Pages">
        <Link to={href('/')} class="brand" aria-label="watchroom, home">
          <Mark />
          <span class="brand-name">watchroom</span>
        </Link>
        <ul>
          {NAV.map((item) => (
            <li key={item.path}>
              <Link
                to={href(item.path)}
                class="nav-item"
                aria-current={current(item) ? 'page' : undefined}
                title={`${item.name} (g ${item.key})`}
              >
                <Icon name={item.icon} />
                <span class="nav-name">{item.name}</span>
                {item.name === 'Alerts' && firing.data ? (
                  <span class="nav-count" aria-label={`${firing.data} firing`}>
                    {firing.data}
                  </span>
                ) : (
                  <kbd class="nav-key" aria-hidden="true">
                    g {item.key}
                  </kbd>
                )}
              </Link>
            </li>
          ))}
        </ul>
        <div class="nav-foot">
          <button
            type="button"
            class="button button-bare button-icon"
            data-testid="theme"
            aria-label={THEMES[choice].label}
            title={THEMES[choice].label}
            onClick={() => chooseTheme(THEMES[choice].next)}
          >
            <Icon name={THEMES[choice].icon} />
          </button>
          <button
            type="button"
            class="button button-bare button-icon"
            aria-label="Keyboard help"
            title="Keyboard help ( ? )"
            onClick={() => setHelp(true)}
          >
            <Icon name="help" />
          </button>
        </div>
      </nav>
      <div class="page">
        <WaitLine />
        <header class="top">
          <h1>{title}</h1>
          <div id="top-slot" />
          {!path.startsWith('/trace/') && <TimePicker time={time} />}
        </header>
        {time.invalid && (
          <div class="notice notice-error" role="alert">
            <Icon name="warn" size={14} />
            The time range in the address cannot be read; the last 15 minutes are shown.
          </div>
        )}
        <main id="main" tabIndex={-1}>
          {children}
        </main>
      </div>
      {help && <Help close={() => setHelp(false)} />}
    </div>
  );
}

/** A line of light along the top while answers are awaited; it shows only when they take a moment. */
function WaitLine() {
  return useStore(underWay) > 0 ? <div class="wait-line" aria-hidden="true" /> : null;
}

function Mark() {
  return (
    <svg class="mark" width="28" height="28" viewBox="0 0 32 32" aria-hidden="true">
      <path class="mark-beam" d="M16 11 32 4v14z" />
      <path class="mark-beam mark-beam-back" d="M16 11 0 4v14z" />
      <path class="mark-tower" d="M12.4 28.5 14 15h4l1.6 13.5z" />
      <circle class="mark-lamp" cx="16" cy="11" r="3.6" />
    </svg>
  );
}

const KEYS: [string, string][] = [
  ['/', 'go to the search of the page'],
  ['g h', 'home'],
  ['g t', 'traces'],
  ['g s', 'service map'],
  ['g l', 'logs'],
  ['g m', 'metrics'],
  ['g a', 'alerts'],
  ['g r', 'targets'],
  ['↑ ↓', 'move in a list'],
  ['Enter', 'open what is selected'],
  ['← →', 'close and open a branch of a trace'],
  ['Ctrl Space', 'offer completions in a query'],
  ['.', 'refresh now'],
  ['Esc', 'close, or leave a field'],
  ['?', 'this help'],
];

function Help({ close }: { close: () => void }) {
  const box = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    box.current?.showModal();
  }, []);
  return (
    <dialog
      ref={box}
      class="help"
      aria-label="Keyboard help"
      onClose={close}
      onClick={(event) => event.target === box.current && box.current?.close()}
    >
      <div class="help-body">
        <h2>Keyboard</h2>
        <dl>
          {KEYS.map(([keys, what]) => (
            <div key={keys}>
              <dt>
                {keys.split(' ').map((key) => (
                  <kbd key={key}>{key}</kbd>
                ))}
              </dt>
              <dd>{what}</dd>
            </div>
          ))}
        </dl>
        <button type="button" class="button" onClick={() => box.current?.close()}>
          Close
        </button>
      </div>
    </dialog>
  );
}
