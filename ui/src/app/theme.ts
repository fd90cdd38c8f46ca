// Night or day: the system's preference unless the keeper has chosen, which is remembered.

import { createStore } from '../lib/store';

export type ThemeChoice = 'system' | 'dark' | 'light';

const KEY = 'watchroom.theme';
const media = matchMedia('(prefers-color-scheme: light)');

function stored(): ThemeChoice {
  try {
    const value = localStorage.getItem(KEY);
    return value === 'dark' || value === 'light' ? value : 'system';
  } catch {
    return 'system';
  }
}

export const themeChoice = createStore<ThemeChoice>(stored());
/** What is shown. Charts watch it, because a canvas has to be drawn anew. */
export const theme = createStore<'dark' | 'light'>('dark');

function apply(): void {
  const choice = themeChoice.get();
  const shown = choice === 'system' ? (media.matches ? 'light' : 'dark') : choice;
  document.documentElement.dataset['theme'] = shown;
  theme.set(shown);
}

media.addEventListener('change', apply);
themeChoice.subscribe(apply);
apply();

export function chooseTheme(choice: ThemeChoice): void {
  try {
    if (choice === 'system') localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, choice);
  } catch {
    // Without storage the choice holds until the page is closed.
  }
  themeChoice.set(choice);
}
