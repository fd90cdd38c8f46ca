// The waterfall: spans as rows of a tree against a ruler of time. Only the rows in sight are drawn.

import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { Icon } from '../../components/icons';
import { VirtualList } from '../../components/virtual-list';
import { serviceColour } from '../../lib/colours';
import type { PathOfTrace } from '../../lib/critical-path';
import { micros, plural } from '../../lib/format';
import { ancestors, rulerMarks, visibleSpans, type Span, type TraceTree } from '../../lib/trace-tree';
import type { View } from './trace';

const ROW = 26;
const MOST_INDENT = 22;

export interface WaterfallProps {
  tree: TraceTree;
  view: View;
  setView: (view: View | null) => void;
  collapsed: ReadonlySet<string>;
  setCollapsed: (next: ReadonlySet<string>) => void;
  selected: string;
  select: (id: string | null) => void;
  /** Ids that the search found; null without a search. */
  matched: ReadonlySet<string> | null;
  /** The critical path, if it is shown. */
  path: PathOfTrace | null;
}

const keyOf = (span: Span) => span.id;

export function Waterfall(props: WaterfallProps) {
  const { tree, view, setView, collapsed, setCollapsed, selected, select, matched, path } = props;
  const rows = useMemo(() => visibleSpans(tree, collapsed), [tree, collapsed]);
  const active = useMemo(() => rows.findIndex((s) => s.id === selected), [rows, selected]);
  const [names, setNames] = useState(38);
  const box = useRef<HTMLDivElement>(null);

  // A span chosen by link or by search may lie under a closed branch: open the way to it.
  useEffect(() => {
    if (!selected) return;
    const closed = ancestors(tree, selected).filter((id) => collapsed.has(id));
    if (closed.length === 0) return;
    const next = new Set(collapsed);
    closed.forEach((id) => next.delete(id));
    setCollapsed(next);
  }, [selected]);

  const toggle = (span: Span, open: boolean) => {
    const next = new Set(collapsed);
    if (open) next.delete(span.id);
    else next.add(span.id);
    setCollapsed(next);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const span = rows[active];
    const go = (index: number) => {
      const target = rows[Math.min(rows.length - 1, Math.max(0, index))];
      if (target) select(target.id);
    };
    const page = 15;
    switch (event.key) {
      case 'ArrowDown':
        go(active + 1);
        break;
      case 'ArrowUp':
        go(active < 0 ? 0 : active - 1);
        break;
      case 'PageDown':
        go(active + page);
        break;
      case 'PageUp':
        go(active - page);
        break;
      case 'Home':
        go(0);
        break;
      case 'End':
        go(rows.length - 1);
        break;
      case 'ArrowLeft':
        if (!span) return;
        if (span.children.length > 0 && !collapsed.has(span.id)) toggle(span, false);
        else if (span.parentId && tree.byId.has(span.parentId)) select(span.parentId);
        break;
      case 'ArrowRight':
        if (!span) return;
        if (collapsed.has(span.id)) toggle(span, true);
        else go(active + 1);
        break;
      case 'Escape':
        select(null);
        break;
      default:
        return;
    }
    event.preventDefault();
  };
  const resize = (event: PointerEvent) => {
    const handle = event.currentTarget as HTMLElement;
    handle.setPointerCapture(event.pointerId);
    const rect = box.current?.getBoundingClientRect();
    if (!rect) return;
    const move = (e: PointerEvent) => setNames(Math.min(70, Math.max(15, ((e.clientX - rect.left) / rect.width) * 100)));
    handle.addEventListener('pointermove', move);
    handle.addEventListener('pointerup', () => handle.removeEventListener('pointermove', move), { once: true });
  };

  return (
    <div
      class="waterfall-box"
      ref={(element) => {
        box.current = element;
        element?.style.setProperty('--names', `${names}%`);
      }}
    >
      <VirtualList
        class="waterfall"
        role="tree"
        label={`Spans of the trace, ${plural(rows.length, 'row')}`}
        items={rows}
        rowHeight={ROW}
        keyOf={keyOf}
        active={active}
        activeId={active >= 0 ? `span-${selected}` : undefined}
        onKeyDown={onKeyDown}
        header={<RulerRow view={view} setView={setView} onResize={resize} />}
        render={(span) => (
          <SpanRow
            span={span}
            view={view}
            tree={tree}
            open={!collapsed.has(span.id)}
            chosen={span.id === selected}
            match={matched === null ? null : matched.has(span.id)}
            path={path?.parts.get(span.id)}
            onToggle={(open) => toggle(span, open)}
            onChoose={() => select(span.id === selected ? null : span.id)}
          />
        )}
      />
    </div>
  );
}

interface RulerProps {
  view: View;
  setView: (view: View | null) => void;
  onResize: (event: PointerEvent) => void;
}

function RulerRow({ view, setView, onResize }: RulerProps) {
  const [drag, setDrag] = useState<{ from: number; to: number } | null>(null);
  const share = (event: PointerEvent) => {
    const rect = (event.currentTarget as Element).getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - rect.left) / rect.width));
  };
  const drop = () => {
    if (drag && Math.abs(drag.to - drag.from) > 0.01) {
      const at = (s: number) => view.from + s * (view.to - view.from);
      setView({ from: at(Math.min(drag.from, drag.to)), to: at(Math.max(drag.from, drag.to)) });
    }
    setDrag(null);
  };
  return (
    <div class="ruler-row">
      <span class="ruler-names">Service and operation</span>
      <i class="names-handle" aria-hidden="true" onPointerDown={onResize} />
      <div
        class="ruler-time"
        title="Drag to zoom, double click for the whole trace"
        onPointerDown={(e) => {
          if (e.button !== 0) return;
          e.currentTarget.setPointerCapture(e.pointerId);
          setDrag({ from: share(e), to: share(e) });
        }}
        onPointerMove={(e) => drag && setDrag({ ...drag, to: share(e) })}
        onPointerUp={drop}
        onPointerCancel={() => setDrag(null)}
        onDblClick={() => setView(null)}
      >
        {rulerMarks(view.from, view.to, 6).map((mark) => (
          <span key={mark} style={{ left: `${((mark - view.from) / (view.to - view.from)) * 100}%` }}>
            {micros(mark)}
          </span>
        ))}
        {drag && (
          <i
            class="ruler-drag"
            style={{
              left: `${Math.min(drag.from, drag.to) * 100}%`,
              width: `${Math.abs(drag.to - drag.from) * 100}%`,
            }}
          />
        )}
      </div>
    </div>
  );
}

interface SpanRowProps {
  span: Span;
  view: View;
  tree: TraceTree;
  open: boolean;
  chosen: boolean;
  match: boolean | null;
  path: { from: number; to: number }[] | undefined;
  onToggle: (open: boolean) => void;
  onChoose: () => void;
}

function SpanRow({ span, view, tree, open, chosen, match, path, onToggle, onChoose }: SpanRowProps) {
  const length = view.to - view.from;
  const left = ((span.offset - view.from) / length) * 100;
  const width = (span.duration / length) * 100;
  const [start, end] = [Math.max(0, left), Math.min(100, left + width)];
  const inView = end >= 0 && start <= 100 && left + width >= 0 && left <= 100;
  const parent = span.parentId ? tree.byId.get(span.parentId) : undefined;
  const newService = !parent || parent.service !== span.service;
  const colour = serviceColour(span.service);
  const state = `${chosen ? ' chosen' : ''}${match === true ? ' match' : ''}${match === false ? ' dim' : ''}`;
  return (
    <div
      id={`span-${span.id}`}
      class={`span-row${state}`}
      role="treeitem"
      aria-level={span.depth + 1}
      aria-selected={chosen}
      aria-expanded={span.children.length > 0 ? open : undefined}
      aria-label={`${span.service} ${span.name}, ${micros(span.duration)}${span.error ? ', error' : ''}`}
      data-testid="span-row"
      onClick={onChoose}
    >
      <div class="span-name" style={{ paddingLeft: `${8 + Math.min(span.depth, MOST_INDENT) * 13}px` }}>
        {span.children.length > 0 ? (
          <button
            type="button"
            class="twig"
            tabIndex={-1}
            aria-label={open ? 'Close the branch' : 'Open the branch'}
            onClick={(e) => {
              e.stopPropagation();
              onToggle(!open);
            }}
          >
            <Icon name="chevron" size={10} class={open ? 'turned' : ''} />
          </button>
        ) : (
          <i class="twig" />
        )}
        <i class="span-mark" style={{ background: colour }} />
        {newService && <b>{span.service}</b>}
        <span class="clip">{span.name}</span>
        {!open && <span class="badge span-hidden">+{span.descendants}</span>}
        {span.error && <Icon name="cross" size={13} class="bad" />}
        {!span.error && !open && span.errorBelow && <Icon name="warn" size={13} class="bad" />}
        {span.orphan && (
          <span class="quiet" title="Its parent is not in this trace">
            parent missing
          </span>
        )}
      </div>
      <div class="span-time">
        {inView ? (
          <>
            <i
              class={span.error ? 'bar bar-failed' : 'bar'}
              style={{ left: `${start}%`, width: `max(2px, ${end - start}%)`, background: colour }}
            />
            {path?.map((part) => {
              const from = Math.max(0, ((part.from - view.from) / length) * 100);
              const to = Math.min(100, ((part.to - view.from) / length) * 100);
              return to >= from ? <i key={part.from} class="path-mark" data-testid="path-mark" style={{ left: `${from}%`, width: `max(2px, ${to - from}%)` }} /> : null;
            })}
            {span.logs.slice(0, 40).map((log, i) => {
              const at = ((log.timestamp - tree.start - view.from) / length) * 100;
              return at >= 0 && at <= 100 ? <i key={i} class="event-mark" style={{ left: `${at}%` }} /> : null;
            })}
            <span
              class={end > 82 ? (start > 18 ? 'bar-label before' : 'bar-label within') : 'bar-label'}
              style={end > 82 ? { right: `calc(${start > 18 ? 100 - start : 100 - end}% + 3px)` } : { left: `${end}%` }}
            >
              {micros(span.duration)}
            </span>
          </>
        ) : (
          <span class={left > 100 ? 'bar-label beyond' : 'bar-label'}>{left > 100 ? '→' : '←'}</span>
        )}
      </div>
    </div>
  );
}
