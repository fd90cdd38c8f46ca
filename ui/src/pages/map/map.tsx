// The service map: who calls whom in the time range, with rate, errors and latency on the way; and the same as a table.

import { useMemo, useState } from 'preact/hooks';
import * as api from '../../api/traces';
import { moveAmongRows } from '../../app/keys';
import { href, Link, setParams, useParam } from '../../app/router';
import { usePageTime } from '../../app/time';
import { Icon } from '../../components/icons';
import { EmptyState, Show, Skeleton } from '../../components/states';
import { serviceColour } from '../../lib/colours';
import { count, percent, plural, rate, seconds } from '../../lib/format';
import { layout } from '../../lib/graph-layout';
import { quote, serviceQuery } from '../../lib/logql';
import { useLoad, useSize } from '../../lib/use-load';

const NODE = { w: 168, h: 58 };
const GAP = { x: 150, y: 34 };
const PAD = 16;

const FIGURES = { rate: 'Rate', errors: 'Errors', p50: 'p50', p95: 'p95', p99: 'p99' } as const;
type Figure = keyof typeof FIGURES;

function write(stats: api.Stats, figure: Figure, length: number): string {
  if (figure === 'rate') return `${rate(stats.count / length)}/s`;
  if (figure === 'errors') return percent(stats.errors / Math.max(1, stats.count));
  const ns = stats[`${figure}_ns`];
  return ns === null ? '–' : seconds(ns / 1e9);
}

const errorShare = (stats: api.Stats) => stats.errors / Math.max(1, stats.count);

/** Traces with a call of one service by the other. */
function callsQuery(edge: api.GraphEdge, sends: boolean): string {
  const client = `{ resource.service.name = ${quote(edge.client)} && kind != server && kind != consumer }`;
  return sends ? `${client} > { resource.service.name = ${quote(edge.server)} }` : client;
}

export function ServiceMap() {
  const time = usePageTime();
  const [q, setQ] = useParam('q');
  const [typed, setTyped] = useState(q);
  const [figureText, setFigure] = useParam('figure', 'rate');
  const figure = (figureText in FIGURES ? figureText : 'rate') as Figure;
  const [chosen, setChosen] = useParam('service');
  const found = useLoad(`${q}\n${time.range.start} ${time.range.end}`, `graph ${q}`, (signal) => api.graph(q, time.range, signal));
  return (
    <>
      <form
        class="toolbar map-tools"
        role="search"
        aria-label="Narrow the map"
        onSubmit={(e) => {
          e.preventDefault();
          setQ(typed.trim());
        }}
      >
        <div class="find map-find">
          <Icon name="search" size={14} />
          <input
            class="input mono"
            data-search
            name="q"
            aria-label="Only calls with a span that satisfies"
            placeholder="{ status = error }: only calls with such a span"
            value={typed}
            spellcheck={false}
            aria-invalid={found.error !== undefined}
            onInput={(e) => setTyped(e.currentTarget.value)}
          />
        </div>
        <span class="spacer" />
        <div class="tabs" role="group" aria-label="Figure on the edges">
          {Object.entries(FIGURES).map(([name, title]) => (
            <button key={name} type="button" class="tab" aria-pressed={figure === name} onClick={() => setFigure(name)}>
              {title}
            </button>
          ))}
        </div>
      </form>
      <Show of={found} skeleton={<Skeleton rows={1} height={380} label="Drawing the map" />}>
        {(graph) =>
          graph.nodes.length === 0 ? (
            <EmptyState title={q ? 'No call answers to this' : 'No span has come in in this range'}>
              <p>
                {q ? 'Take the condition out, or widen the time range.' : 'The map is drawn from the spans of the time range.'}{' '}
                {!q && <Link to={href('/')}>How to send data</Link>}
              </p>
              {q && (
                <button
                  type="button"
                  class="button"
                  onClick={() => {
                    setTyped('');
                    setParams({ q: null });
                  }}
                >
                  Every call
                </button>
              )}
            </EmptyState>
          ) : (
            <>
              <Drawing graph={graph} figure={figure} chosen={chosen} choose={setChosen} />
              <Calls graph={graph} chosen={chosen} />
              {(graph.given_up > 0 || graph.coverage.partial) && (
                <p class="quiet">
                  {graph.coverage.partial && 'Only the newest spans were looked at. '}
                  {graph.given_up > 0 && `${plural(graph.given_up, 'span')} found no other side.`}
                </p>
              )}
            </>
          )
        }
      </Show>
    </>
  );
}

interface DrawingProps {
  graph: api.ServiceGraph;
  figure: Figure;
  chosen: string;
  choose: (name: string, how?: { replace?: boolean }) => void;
}

function Drawing({ graph, figure, chosen, choose }: DrawingProps) {
  const [box, { width }] = useSize<HTMLDivElement>();
  const length = Math.max(1, (graph.end_ms - graph.start_ms) / 1000);
  const shape = `${graph.nodes.map((n) => n.name).join('\n')}\n\n${graph.edges.map((e) => `${e.client}\n${e.server}`).join('\n')}`;
  const placed = useMemo(
    () =>
      layout(
        graph.nodes.map((n) => n.name),
        graph.edges.map((e) => ({ from: e.client, to: e.server })),
      ),
    [shape],
  );
  const layers = 1 + Math.max(...placed.map((p) => p.layer));
  const rows = Math.max(...placed.map((p) => placed.filter((o) => o.layer === p.layer).length));
  const gap = Math.max(70, Math.min(GAP.x, layers > 1 ? (width - 2 * PAD - layers * NODE.w) / (layers - 1) : GAP.x));
  const size = { w: 2 * PAD + layers * NODE.w + (layers - 1) * gap, h: 2 * PAD + rows * NODE.h + (rows - 1) * GAP.y };
  const offset = Math.max(0, (width - size.w) / 2);
  const at = new Map(
    placed.map((p) => {
      const n = placed.filter((o) => o.layer === p.layer).length;
      const top = (size.h - n * NODE.h - (n - 1) * GAP.y) / 2;
      return [p.name, { x: offset + PAD + p.layer * (NODE.w + gap), y: top + p.row * (NODE.h + GAP.y) }];
    }),
  );
  const most = Math.max(1, ...graph.edges.map((e) => e.stats.count));
  const near = (e: api.GraphEdge) => !chosen || e.client === chosen || e.server === chosen;
  return (
    <div class="map panel" ref={box} data-testid="map">
      {width > 0 && (
        <svg width={Math.max(width, size.w)} height={size.h} role="img" aria-label={`${plural(graph.nodes.length, 'service')}, ${plural(graph.edges.length, 'way')} between them; the table below holds the same`}>
          <defs>
            <marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="9" markerHeight="9" markerUnits="userSpaceOnUse" orient="auto">
              <path class="map-arrow" d="M0 0 8 4 0 8z" />
            </marker>
          </defs>
          {graph.edges.map((e) => {
            const [from, to] = [at.get(e.client), at.get(e.server)];
            if (!from || !to) return null;
            const back = to.x <= from.x;
            const [x1, y1] = back ? [from.x + NODE.w / 2, from.y + NODE.h] : [from.x + NODE.w, from.y + NODE.h / 2];
            const [x2, y2] = back ? [to.x + NODE.w / 2, to.y + NODE.h] : [to.x, to.y + NODE.h / 2];
            const bend = back ? 46 : Math.max(30, (x2 - x1) / 2);
            const path = back
              ? `M${x1} ${y1}C${x1} ${y1 + bend} ${x2} ${y2 + bend} ${x2} ${y2}`
              : `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
            const share = errorShare(e.stats);
            return (
              <g key={`${e.client}\n${e.server}`} class={near(e) ? 'map-edge' : 'map-edge map-far'} data-testid="map-edge">
                <path
                  class={share >= 0.05 ? 'map-line map-bad' : share > 0 ? 'map-line map-warn' : 'map-line'}
                  d={path}
                  stroke-width={1.2 + 3.3 * (Math.log1p(e.stats.count) / Math.log1p(most))}
                  marker-end="url(#arrow)"
                >
                  <title>{`${e.client} → ${e.server}: ${write(e.stats, 'rate', length)}, ${write(e.stats, 'errors', length)} failed, p95 ${write(e.stats, 'p95', length)}`}</title>
                </path>
                <text class={share >= 0.05 && figure === 'errors' ? 'map-figure bad' : 'map-figure'} x={(x1 + x2) / 2} y={(y1 + y2) / 2 + (back ? bend * 0.75 : 0) - 5}>
                  {write(e.stats, figure, length)}
                </text>
              </g>
            );
          })}
          {graph.nodes.map((n) => {
            const place = at.get(n.name);
            if (!place) return null;
            const share = errorShare(n.stats);
            return (
              <g
                key={n.name}
                class={`map-node${chosen === n.name ? ' chosen' : ''}${n.sends_spans ? '' : ' map-foreign'}`}
                transform={`translate(${place.x} ${place.y})`}
                role="button"
                tabindex={0}
                aria-pressed={chosen === n.name}
                aria-label={`${n.name}, ${n.kind}`}
                data-testid="map-node"
                onClick={() => choose(chosen === n.name ? '' : n.name, { replace: true })}
                onKeyDown={(e) => {
                  if (e.key !== 'Enter' && e.key !== ' ') return;
                  e.preventDefault();
                  choose(chosen === n.name ? '' : n.name, { replace: true });
                }}
              >
                <rect class="map-box" width={NODE.w} height={NODE.h} rx={n.kind === 'service' ? 6 : 20} />
                <rect x={0} y={0} width={4} height={NODE.h} rx={2} fill={n.sends_spans ? serviceColour(n.name) : 'transparent'} />
                <text class="map-name" x={14} y={23}>
                  {n.name.length > 21 ? `${n.name.slice(0, 20)}…` : n.name}
                </text>
                <text class="map-under" x={14} y={43}>
                  {n.sends_spans ? '' : `${n.kind}, `}
                  {write(n.stats, 'rate', length)}
                  {n.sends_spans && `, p95 ${write(n.stats, 'p95', length)}`}
                </text>
                {share > 0 && <circle class={share >= 0.05 ? 'map-lamp map-bad' : 'map-lamp map-warn'} cx={NODE.w - 13} cy={14} r={4.5}><title>{percent(share)} failed</title></circle>}
              </g>
            );
          })}
        </svg>
      )}
    </div>
  );
}

function Calls({ graph, chosen }: { graph: api.ServiceGraph; chosen: string }) {
  const length = Math.max(1, (graph.end_ms - graph.start_ms) / 1000);
  const node = graph.nodes.find((n) => n.name === chosen);
  const edges = graph.edges
    .filter((e) => !node || e.client === node.name || e.server === node.name)
    .sort((a, b) => b.stats.count - a.stats.count);
  const sends = new Set(graph.nodes.filter((n) => n.sends_spans).map((n) => n.name));
  return (
    <>
      {node && (
        <div class="toolbar map-chosen" data-testid="map-chosen">
          <h2>
            <i class="swatch" style={{ background: serviceColour(node.name) }} /> {node.name}
          </h2>
          <span class="quiet">
            {plural(node.stats.count, 'request')}, {write(node.stats, 'errors', length)} failed, p50 {write(node.stats, 'p50', length)}, p95{' '}
            {write(node.stats, 'p95', length)}, p99 {write(node.stats, 'p99', length)}
          </span>
          <span class="spacer" />
          {node.sends_spans && (
            <>
              <Link class="button button-small" to={href('/traces', { q: `{ resource.service.name = ${quote(node.name)} }` })}>
                <Icon name="traces" size={13} /> Traces
              </Link>
              <Link class="button button-small" to={href('/logs', { q: serviceQuery(node.name) })}>
                <Icon name="logs" size={13} /> Logs
              </Link>
            </>
          )}
        </div>
      )}
      {edges.length === 0 ? (
        <p class="quiet">No call between services in this range.</p>
      ) : (
        <div class="table-box panel">
          <table class="map-table" onKeyDown={moveAmongRows} data-testid="map-table">
            <thead>
              <tr>
                <th>call</th>
                <th class="num">calls</th>
                <th class="num">a second</th>
                <th class="num">failed</th>
                <th class="num">p50</th>
                <th class="num">p95</th>
                <th class="num">p99</th>
              </tr>
            </thead>
            <tbody>
              {edges.map((e) => (
                <tr key={`${e.client}\n${e.server}`}>
                  <td>
                    <Link data-row to={href('/traces', { q: callsQuery(e, sends.has(e.server)) })} title="Traces with this call">
                      <i class="swatch" style={{ background: serviceColour(e.client) }} /> {e.client} → {e.server}
                    </Link>
                  </td>
                  <td class="num">{count(e.stats.count)}</td>
                  <td class="num">{rate(e.stats.count / length)}</td>
                  <td class={e.stats.errors > 0 ? 'num bad' : 'num'}>{write(e.stats, 'errors', length)}</td>
                  <td class="num">{write(e.stats, 'p50', length)}</td>
                  <td class="num">{write(e.stats, 'p95', length)}</td>
                  <td class="num">{write(e.stats, 'p99', length)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}
