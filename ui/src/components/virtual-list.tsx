// A list that draws only the rows in sight, so that a hundred thousand cost no more than fifty. Rows have one height but
// for a few that are open, whose height is measured.

import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';

export interface VirtualListProps<T> {
  items: T[];
  rowHeight: number;
  keyOf: (item: T) => string;
  render: (item: T, index: number) => ComponentChildren;
  /** Keys of the rows that show more than one line. */
  expanded?: ReadonlySet<string>;
  /** Index of the row under the keyboard, kept in sight. */
  active?: number;
  /** Changes when the list should jump to its start. */
  resetKey?: string;
  class?: string;
  role?: 'list' | 'tree' | 'log';
  label: string;
  onKeyDown?: (event: KeyboardEvent) => void;
  activeId?: string;
  header?: ComponentChildren;
  onScrollTop?: (top: number) => void;
}

const OVERSCAN = 8;

export function VirtualList<T>(props: VirtualListProps<T>) {
  const { items, rowHeight, keyOf, render, expanded, active } = props;
  const box = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 600 });
  const [heights, setHeights] = useState<ReadonlyMap<string, number>>(new Map());

  const open = useMemo(() => {
    if (!expanded || expanded.size === 0) return [];
    const out: { index: number; extra: number }[] = [];
    items.forEach((item, index) => {
      const key = keyOf(item);
      if (expanded.has(key)) out.push({ index, extra: (heights.get(key) ?? rowHeight * 8) - rowHeight });
    });
    return out;
  }, [items, expanded, heights, keyOf, rowHeight]);

  const topOf = (index: number) => {
    let top = index * rowHeight;
    for (const { index: at, extra } of open) {
      if (at >= index) break;
      top += extra;
    }
    return top;
  };
  const indexAt = (y: number) => {
    let low = 0;
    let high = items.length;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (topOf(middle) <= y) low = middle;
      else high = middle - 1;
    }
    return low;
  };

  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const measure = () => setView({ top: element.scrollTop, height: element.clientHeight });
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    element.addEventListener('scroll', measure, { passive: true });
    measure();
    return () => {
      observer.disconnect();
      element.removeEventListener('scroll', measure);
    };
  }, []);

  useLayoutEffect(() => {
    if (box.current) box.current.scrollTop = 0;
  }, [props.resetKey]);

  useLayoutEffect(() => {
    const element = box.current;
    if (!element || active === undefined || active < 0) return;
    const head = element.querySelector<HTMLElement>('.virtual-head')?.offsetHeight ?? 0;
    const top = topOf(active);
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top + rowHeight + head > element.scrollTop + element.clientHeight) {
      element.scrollTop = top + rowHeight + head - element.clientHeight;
    }
  }, [active]);

  useLayoutEffect(() => {
    const element = box.current;
    if (!element || !expanded || expanded.size === 0) return;
    const changed = new Map(heights);
    let any = false;
    for (const row of element.querySelectorAll<HTMLElement>('[data-open]')) {
      const key = row.dataset['open'] ?? '';
      if (changed.get(key) === row.offsetHeight) continue;
      changed.set(key, row.offsetHeight);
      any = true;
    }
    if (any) setHeights(changed);
  });

  const first = Math.max(0, indexAt(view.top) - OVERSCAN);
  const last = Math.min(items.length, indexAt(view.top + view.height) + OVERSCAN);
  return (
    <div
      ref={box}
      class={props.class ? `virtual ${props.class}` : 'virtual'}
      role={props.role ?? 'list'}
      aria-label={props.label}
      aria-activedescendant={props.activeId}
      tabIndex={0}
      onKeyDown={props.onKeyDown}
    >
      {props.header && <div class="virtual-head">{props.header}</div>}
      <div class="virtual-space" role="presentation" style={{ height: `${topOf(items.length)}px` }}>
        {items.slice(first, last).map((item, i) => {
          const key = keyOf(item);
          const isOpen = expanded?.has(key) ?? false;
          return (
            <div
              key={key}
              class="virtual-row"
              role="presentation"
              data-open={isOpen ? key : undefined}
              style={{
                transform: `translateY(${topOf(first + i)}px)`,
                height: isOpen ? 'auto' : `${rowHeight}px`,
              }}
            >
              {render(item, first + i)}
            </div>
          );
        })}
      </div>
    </div>
  );
}
