// The icons: one stroke, sixteen units, drawn for this page.

import type { ComponentChildren } from 'preact';

const paths = {
  home: (
    <>
      <path d="M8 4.5 15 2v5z" fill="currentColor" stroke="none" opacity=".55" />
      <path d="M8 4.5 1 2v5z" fill="currentColor" stroke="none" opacity=".3" />
      <circle cx="8" cy="4.5" r="1.6" />
      <path d="m6.6 7-1 7.5h4.8L9.4 7M4.5 14.5h7" />
    </>
  ),
  traces: <path d="M1.5 3.5h9M4.5 8h8M7.5 12.5h7M1.5 3.5v0M4.5 3.5V8M7.5 8v4.5" />,
  map: (
    <>
      <circle cx="3" cy="8" r="1.8" />
      <circle cx="13" cy="3.5" r="1.8" />
      <circle cx="13" cy="12.5" r="1.8" />
      <path d="m4.8 7.3 6.4-3M4.8 8.7l6.4 3" />
    </>
  ),
  logs: <path d="M2 3h12M2 6.3h8M2 9.7h10.5M2 13h6" />,
  metrics: <path d="M1.5 13.5h13M1.5 10.5l3.5-4 3 2.5 6-6.5" />,
  alerts: <path d="M8 1.5v1M3.5 12h9l-1.2-2V6.8a3.3 3.3 0 0 0-6.6 0V10zM6.6 14h2.8" />,
  targets: (
    <>
      <circle cx="8" cy="8" r="6" />
      <circle cx="8" cy="8" r="2.2" />
      <path d="M8 .8v3M8 12.2v3M.8 8h3M12.2 8h3" />
    </>
  ),
  clock: (
    <>
      <circle cx="8" cy="8" r="6.2" />
      <path d="M8 4.2V8l2.6 1.6" />
    </>
  ),
  refresh: <path d="M13.5 8A5.5 5.5 0 1 1 11.6 3.8M13.6 1.6v3.2h-3.2" />,
  search: (
    <>
      <circle cx="7" cy="7" r="4.6" />
      <path d="m10.5 10.5 4 4" />
    </>
  ),
  chevron: <path d="m6 3.5 4.5 4.5L6 12.5" />,
  down: <path d="m3.5 6 4.5 4.5L12.5 6" />,
  close: <path d="m3.5 3.5 9 9m0-9-9 9" />,
  plus: <path d="M8 3v10M3 8h10" />,
  minus: <path d="M3 8h10" />,
  equal: <path d="M3 6h10M3 10h10" />,
  unequal: <path d="M3 6h10M3 10h10M10.5 2.8l-5 10.4" />,
  copy: <path d="M5.5 5.5v-3h8v8h-3M2.5 5.5h8v8h-8z" />,
  link: <path d="M6.5 9.5 14 2M9 2h5v5M12 9v5H2V4h5" />,
  sun: (
    <>
      <circle cx="8" cy="8" r="3" />
      <path d="M8 1v1.6M8 13.4V15M1 8h1.6M13.4 8H15M3 3l1.2 1.2M11.8 11.8 13 13M13 3l-1.2 1.2M4.2 11.8 3 13" />
    </>
  ),
  moon: <path d="M13.5 9.8A6 6 0 0 1 6.2 2.5 6 6 0 1 0 13.5 9.8z" />,
  auto: (
    <>
      <circle cx="8" cy="8" r="6" />
      <path d="M8 2a6 6 0 0 1 0 12z" fill="currentColor" />
    </>
  ),
  help: (
    <>
      <path d="M5.8 6a2.3 2.3 0 1 1 3.4 2c-.8.4-1.2.8-1.2 1.7M8 12v.3" />
      <circle cx="8" cy="8" r="6.4" />
    </>
  ),
  play: <path d="m4.5 2.5 8.5 5.5-8.5 5.5z" fill="currentColor" />,
  pause: <path d="M5 3v10M11 3v10" stroke-width="2.4" />,
  warn: <path d="M8 2 1.5 13.5h13zM8 6.5v3.2M8 11.6v.3" />,
  cross: (
    <>
      <circle cx="8" cy="8" r="6.2" />
      <path d="m5.8 5.8 4.4 4.4m0-4.4-4.4 4.4" />
    </>
  ),
  check: (
    <>
      <circle cx="8" cy="8" r="6.2" />
      <path d="m5.2 8.2 2 2 3.6-4" />
    </>
  ),
  eye: (
    <>
      <path d="M1.5 8s2.4-4.3 6.5-4.3S14.5 8 14.5 8s-2.4 4.3-6.5 4.3S1.5 8 1.5 8z" />
      <circle cx="8" cy="8" r="1.8" />
    </>
  ),
} satisfies Record<string, ComponentChildren>;

export type IconName = keyof typeof paths;

export function Icon({ name, size = 16, class: extra }: { name: IconName; size?: number; class?: string }) {
  return (
    <svg
      class={extra ? `icon ${extra}` : 'icon'}
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      stroke-width="1.4"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      {paths[name]}
    </svg>
  );
}
