// One trace: head, minimap, waterfall and the panel of the chosen span. The choice, the search and the zoom stand in the URL.

import { useEffect, useMemo, useState } from 'preact/hooks';
import * as jaeger from '../../api/jaeger';
import { href, Link, setParams, useParam } from '../../app/router';
import { Icon } from '../../components/icons';
import { EmptyState, Show, Skeleton } from '../../components/states';
import { serviceColour } from '../../lib/colours';
import { dateClock, micros, plural } from '../../lib/format';
import { traceQuery } from '../../lib/logql';
import { buildTree, searchSpans, type TraceTree } from '../../lib/trace-tree';
import { useLoad } from '../../lib/use-load';
import { Minimap } from './minimap';
import { SpanPanel } from './span-panel';
import { Waterfall } from './waterfall';

/** The part of the trace in view, in microseconds from its start. */
export interface View {
  from: number;
  to: number;
}

export function TracePage({ id }: { id: string }) {
  const loaded = useLoad(id, `trace ${id}`, async (signal) => {
    const trace = await jaeger.trace(id, signal);
    return trace && trace.spans.length > 0 ? buildTree(trace) : null;
  });
  return (
    <Show of={loaded} skeleton={<Skeleton rows={14} height={26} label="Loading the trace" />}>
      {(tree) =>
        tree ? (
          <TraceView tree={tree} />
        ) : (
          <EmptyState title="This trace is not here">
            <p>
              No span of <code class="wrap-any">{id}</code> is in the store. It may be older than the retention, may not have been
              sampled, or may not have arrived yet.
            </p>
            <button type="button" class="button" onClick={loaded.retry}>
              <Icon name="refresh" size={14} /> Look again
            </button>{' '}
            <Link class="button" to={href('/traces')}>
              Search traces
            </Link>
          </EmptyState>
        )
      }
    </Show>
  );
}

export function readView(text: string, duration: number): View {
  const match = /^(\d+(?:\.\d+)?)-(\d+(?:\.\d+)?)$/.exec(text);
  const from = Math.max(0, Number(match?.[1] ?? 0));
  const to = Math.min(duration, Number(match?.[2] ?? duration));
  return match && to > from ? { from, to } : { from: 0, to: Math.max(1, duration) };
}

function TraceView({ tree }: { tree: TraceTree }) {
  const [selected, setSelected] = useParam('span');
  const [find, setFind] = useParam('find');
  const [viewText, setViewText] = useParam('view');
  const [collapsed, setCollapsed] = useState<ReadonlySet<string>>(new Set());
  const view = readView(viewText, tree.duration);
  const matches = useMemo(() => searchSpans(tree, find), [tree, find]);
  const matched = useMemo(() => (find.trim() ? new Set(matches.map((s) => s.id)) : null), [matches, find]);
  const span = selected ? tree.byId.get(selected) : undefined;
  const root = tree.roots.find((r) => !r.orphan) ?? tree.roots[0];

  useEffect(() => {
    document.title = `${root?.service ?? ''}: ${root?.name ?? 'trace'} · watchroom`;
  }, [root]);

  const select = (spanId: string | null) => setSelected(spanId ?? '', { replace: true });
  const step = (by: number) => {
    if (matches.length === 0) return;
    const at = matches.findIndex((s) => s.id === selected);
    const next = matches[(at + by + matches.length) % matches.length];
    if (next) select(next.id);
  };
  const setView = (next: View | null) =>
    setViewText(next ? `${Math.round(next.from)}-${Math.round(next.to)}` : '', { replace: true });
  const around = { from: String(Math.floor(tree.start / 1000) - 300_000), to: String(Math.ceil((tree.start + tree.duration) / 1000) + 300_000) };

  return (
    <div class="trace">
      <div class="trace-head">
        <div class="trace-title">
          <p>
            <i class="swatch" style={{ background: serviceColour(root?.service ?? '') }} />
            <b>{root?.service}</b> <span data-testid="trace-root">{root?.name}</span>
          </p>
          <p class="quiet">
            {dateClock(tree.start / 1000, true)}
            <span class="dot-sep">·</span>
            <b class="trace-duration">{micros(tree.duration)}</b>
            <span class="dot-sep">·</span>
            <span data-testid="span-count">{plural(tree.spans.length, 'span')}</span>
            <span class="dot-sep">·</span>
            depth {tree.maxDepth + 1}
            <span class="dot-sep">·</span>
            {tree.errors > 0 ? <span class="bad">{plural(tree.errors, 'error')}</span> : 'no errors'}
            <span class="dot-sep">·</span>
            <code class="trace-id">{tree.traceId}</code>
          </p>
        </div>
        <div class="toolbar">
          {tree.services.map((s) => (
            <span key={s.name} class="badge">
              <i class="swatch" style={{ background: serviceColour(s.name) }} />
              {s.name} {s.spans}
            </span>
          ))}
          <Link class="button button-small" to={href('/logs', { q: traceQuery(tree.traceId), ...around }, false)}>
            <Icon name="logs" size={13} /> Logs of the trace
          </Link>
        </div>
      </div>
      <Minimap tree={tree} view={view} setView={setView} />
      <div class="toolbar trace-tools">
        <div class="find">
          <Icon name="search" size={14} />
          <input
            class="input"
            data-search
            type="search"
            aria-label="Find spans"
            placeholder="Find in names, attributes, events"
            value={find}
            onInput={(e) => setFind(e.currentTarget.value, { replace: true })}
            onKeyDown={(e) => {
              if (e.key !== 'Enter') return;
              e.preventDefault();
              step(e.shiftKey ? -1 : 1);
            }}
          />
          {matched && (
            <span class={matches.length > 0 ? 'quiet' : 'bad'} role="status">
              {matches.length > 0
                ? `${Math.max(0, matches.findIndex((s) => s.id === selected)) + 1} of ${matches.length}`
                : 'no span'}
            </span>
          )}
        </div>
        <span class="spacer" />
        {viewText && (
          <button type="button" class="button button-small" onClick={() => setView(null)}>
            Whole trace
          </button>
        )}
        <button type="button" class="button button-small" onClick={() => setCollapsed(new Set())} disabled={collapsed.size === 0}>
          Open all
        </button>
        <button
          type="button"
          class="button button-small"
          onClick={() => setCollapsed(new Set(tree.spans.filter((s) => s.depth >= 1 && s.children.length > 0).map((s) => s.id)))}
        >
          Close all
        </button>
      </div>
      <div class={span ? 'trace-body with-panel' : 'trace-body'}>
        <Waterfall
          tree={tree}
          view={view}
          setView={setView}
          collapsed={collapsed}
          setCollapsed={setCollapsed}
          selected={selected}
          select={select}
          matched={matched}
        />
        {span && (
          <SpanPanel
            tree={tree}
            span={span}
            close={() => {
              select(null);
              document.querySelector<HTMLElement>('.waterfall')?.focus();
            }}
            showSpan={(spanId) => {
              select(spanId);
              if (matched) setParams({ find: null, span: spanId }, { replace: true });
            }}
          />
        )}
      </div>
    </div>
  );
}
