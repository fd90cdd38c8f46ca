// One trace: head, minimap, waterfall and the panel of the chosen span. The choice, the search and the zoom stand in the URL.

import { useEffect, useMemo, useState } from 'preact/hooks';
import * as jaeger from '../../api/jaeger';
import * as api from '../../api/traces';
import { href, Link, setParams, useParam } from '../../app/router';
import { Icon } from '../../components/icons';
import { EmptyState, Show, Skeleton } from '../../components/states';
import { serviceColour } from '../../lib/colours';
import { dateClock, micros, percent, plural } from '../../lib/format';
import { pathOf, type PathOfTrace } from '../../lib/critical-path';
import { traceQuery } from '../../lib/logql';
import { starterQuery } from '../../lib/series';
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
  const [pathShown, setPathShown] = useParam('path', 'on');
  // Both are a help: a store that cannot tell them has neither.
  const critical = useLoad(tree.traceId, 'path', async (signal) => {
    try {
      return await api.criticalPath(tree.traceId, signal);
    } catch {
      return null;
    }
  });
  const exemplars = useLoad(tree.traceId, 'exemplars', async (signal) => {
    try {
      return await api.exemplars(tree.traceId, signal);
    } catch {
      return [];
    }
  });
  const path = useMemo(
    () => (critical.data && pathShown !== 'off' ? pathOf(critical.data, tree.start) : null),
    [critical.data, pathShown, tree],
  );
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
        {critical.data && critical.data.parts.length > 0 && (
          <button
            type="button"
            class="button button-small"
            data-testid="path-toggle"
            aria-pressed={path !== null}
            title="The spans that the end of the trace waited for"
            onClick={() => setPathShown(path === null ? 'on' : 'off', { replace: true })}
          >
            Critical path
          </button>
        )}
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
      {path && <PathStrip path={path} select={select} selected={selected} />}
      {exemplars.data && exemplars.data.length > 0 && <SeenInMetrics exemplars={exemplars.data} around={around} />}
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
          path={path}
        />
        {span && (
          <SpanPanel
            tree={tree}
            span={span}
            onPath={path?.self.get(span.id) ?? null}
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

const MOST_ON_STRIP = 8;

/** What the time of the trace went to, on its critical path: the spans with the longest own time there. */
function PathStrip({ path, selected, select }: { path: PathOfTrace; selected: string; select: (id: string) => void }) {
  const shown = path.spans.slice(0, MOST_ON_STRIP);
  const rest = path.total - shown.reduce((sum, s) => sum + s.self, 0);
  return (
    <div class="path-strip" role="group" aria-label="Critical path, longest first" data-testid="path-strip">
      {shown.map((s) => (
        <button
          key={s.id}
          type="button"
          class={s.id === selected ? 'path-part chosen' : 'path-part'}
          style={{ flexGrow: Math.max(0.02, s.self / path.total), borderTopColor: serviceColour(s.service) }}
          title={`${s.service} ${s.name}: ${micros(s.self)} of its own on the critical path`}
          onClick={() => select(s.id)}
        >
          <span class="clip">{s.name}</span>
          <b>{percent(s.self / path.total)}</b>
        </button>
      ))}
      {rest > 0.5 && (
        <span class="path-part path-rest" style={{ flexGrow: Math.max(0.02, rest / path.total) }}>
          <span class="clip">{plural(path.spans.length - shown.length, 'more span')}</span>
          <b>{percent(rest / path.total)}</b>
        </span>
      )}
    </div>
  );
}

const MOST_METRICS = 4;

function SeenInMetrics({ exemplars, around }: { exemplars: api.TraceExemplar[]; around: Record<string, string> }) {
  const byName = new Map(exemplars.map((e) => [e.series['__name__'] ?? '', e]));
  const names = [...byName.keys()].filter(Boolean).sort();
  return (
    <p class="quiet seen-in" data-testid="seen-in-metrics">
      <Icon name="metrics" size={13} /> seen in
      {names.slice(0, MOST_METRICS).map((name) => (
        <Link key={name} to={href('/metrics-explorer', { q: starterQuery(name, undefined), ...around }, false)}>
          <code>{name.replace(/_bucket$/, '')}</code>
        </Link>
      ))}
      {names.length > MOST_METRICS && `and ${names.length - MOST_METRICS} more metrics`}
    </p>
  );
}
