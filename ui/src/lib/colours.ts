// One colour per service, the same on every page: a slot of the palette chosen by the name, moved on when a service
// seen earlier holds it, and remembered by the browser. The colours themselves are custom properties, so that each theme
// has its own.

export const PALETTE_SIZE = 10;

const KEY = 'watchroom.colours';
const MOST_REMEMBERED = 200;

function remembered(): Map<string, number> {
  try {
    const pairs = JSON.parse(localStorage.getItem(KEY) ?? '[]') as [string, number][];
    return new Map(pairs.filter(([name, slot]) => typeof name === 'string' && slot >= 0 && slot < PALETTE_SIZE));
  } catch {
    return new Map();
  }
}

const slots = remembered();

// Chosen so that the names of the reference systems fall into slots of their own.
const SEED = 2166144390;

function hash(text: string): number {
  let h = SEED;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 16777619);
  return (h ^ (h >>> 15)) >>> 0;
}

export function colourSlot(name: string, taken: Map<string, number> = slots): number {
  const known = taken.get(name);
  if (known !== undefined) return known;
  const used = new Set(taken.values());
  const wanted = hash(name) % PALETTE_SIZE;
  let slot = wanted;
  for (let i = 0; i < PALETTE_SIZE && used.has(slot); i++) slot = (wanted + i + 1) % PALETTE_SIZE;
  taken.set(name, slot);
  if (taken === slots) {
    try {
      localStorage.setItem(KEY, JSON.stringify([...slots].slice(-MOST_REMEMBERED)));
    } catch {
      // Without storage the colours hold until the page is closed.
    }
  }
  return slot;
}

export function serviceColour(name: string): string {
  return `var(--c${colourSlot(name)})`;
}

export function seriesColour(index: number): string {
  return `var(--c${index % PALETTE_SIZE})`;
}

/** The computed colour of `var(--x)` for a canvas, which cannot read custom properties. */
export function resolveColour(colour: string): string {
  const name = /^var\((--[\w-]+)\)$/.exec(colour)?.[1];
  return name ? getComputedStyle(document.documentElement).getPropertyValue(name).trim() : colour;
}
