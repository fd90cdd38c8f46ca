// The chosen span: what it is, its attributes, events, links, its process, and the log lines written within it.

import { useState } from 'preact/hooks';
import type { KeyValue } from '../../api/jaeger';
import * as loki from '../../api/loki';
import { href, Link } from '../../app/router';
import { Icon } from '../../components/icons';
import { ErrorState, Skeleton } from '../../components/states';
import { serviceColour } from '../../lib/colours';
import { clock, micros, plural } from '../../lib/format';
import { levelOf, traceQuery } from '../../lib/logql';
import { writeTag } from '../../lib/trace-search';
import type { Span, TraceTree } from '../../lib/trace-tree';
import { useLoad } from '../../lib/use-load';

export interface SpanPanelProps {
  tree: TraceTree;
  span: Span;
  /** Its own microseconds on the critical path; null when it is not on it, or the path is not shown. */
  onPath: number | null;
  close: () => void;
  showSpan: (id: string) => void;
}

export function SpanPanel({ tree, span, onPath, close, showSpan }: SpanPanelProps) {
  const parent = span.parentId ? tree.byId.get(span.parentId) : undefined;
  const process = tree.processes[span.processId];
  const message = span.tags.find((t) => t.key === 'otel.status_description')?.value;
  return (
    <aside class="span-panel panel" aria-label={`Span ${span.name}`} data-testid="span-panel">
      <header>
        <div>
          <h2>
            <i class="swatch" style={{ background: serviceColour(span.service) }} /> {span.name}
          </h2>
          <p class="quiet">
            {span.service}, {span.kind}
          </p>
        </div>
        <button type="button" class="button button-bare button-icon button-small" aria-label="Close the panel" onClick={close}>
          <Icon name="close" size={14} />
        </button>
      </header>
      {span.error && (
        <p class="notice notice-error">
          <Icon name="cross" size={14} /> {message ? String(message) : 'This span failed.'}
        </p>
      )}
      <dl class="span-facts">
        <Fact name="duration" value={micros(span.duration)} />
        <Fact name="own time" value={micros(span.self)} />
        <Fact name="starts at" value={`+${micros(span.offset)}`} />
        {onPath !== null && <Fact name="on the path" value={micros(onPath)} />}
        <Fact name="spans below" value={String(span.descendants)} />
      </dl>
      {span.warnings.length > 0 && <p class="notice">{span.warnings.join('; ')}</p>}
      <Section title="Attributes" n={span.tags.length}>
        <Pairs pairs={span.tags} service={span.service} />
      </Section>
      <Section title="Events" n={span.logs.length}>
        {span.logs.map((log, i) => {
          const name = log.fields.find((f) => f.key === 'event' || f.key === 'name')?.value;
          return (
            <div key={i} class="event">
              <p>
                <b>{name ? String(name) : 'event'}</b> <span class="quiet">+{micros(log.timestamp - tree.start)}</span>
              </p>
              <Pairs pairs={log.fields.filter((f) => f.key !== 'event' || !name)} />
            </div>
          );
        })}
      </Section>
      <Section title="Links" n={span.links.length + (parent ? 1 : 0)}>
        <ul class="span-links">
          {parent && (
            <li>
              parent{' '}
              <button type="button" class="text-button" onClick={() => showSpan(parent.id)}>
                {parent.service} {parent.name}
              </button>
            </li>
          )}
          {span.links.map((link) => (
            <li key={link.traceID + link.spanID}>
              {link.refType === 'FOLLOWS_FROM' ? 'follows' : 'child of'}{' '}
              <Link to={href(`/trace/${link.traceID}`, { span: link.spanID })}>
                <code>
                  {link.traceID.slice(0, 8)}:{link.spanID.slice(0, 8)}
                </code>
              </Link>
            </li>
          ))}
        </ul>
      </Section>
      <SpanLogs tree={tree} span={span} />
      <Section title="Process" n={process?.tags?.length ?? 0}>
        <Pairs pairs={process?.tags ?? []} />
      </Section>
      <p class="quiet span-id">
        span <code>{span.id}</code>
      </p>
    </aside>
  );
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

function Section({ title, n, children }: { title: string; n: number; children: preact.ComponentChildren }) {
  if (n === 0) return null;
  return (
    <section class="span-section">
      <h3>
        {title} <span class="quiet">{n}</span>
      </h3>
      {children}
    </section>
  );
}

/** Objects and JSON text are shown indented; everything else as it is. */
function write(value: unknown): string {
  if (typeof value === 'string' && /^[[{]/.test(value)) {
    try {
      return JSON.stringify(JSON.parse(value), null, 2);
    } catch {
      return value;
    }
  }
  return typeof value === 'object' && value !== null ? JSON.stringify(value, null, 2) : String(value);
}

/** With a service given, each pair leads to the traces that share it. */
function Pairs({ pairs, service }: { pairs: KeyValue[]; service?: string }) {
  return (
    <dl class="definition pairs">
      {[...pairs]
        .sort((a, b) => a.key.localeCompare(b.key))
        .map((pair, i) => (
          <div key={`${pair.key} ${i}`} class="pair">
            <dt>{pair.key}</dt>
            <dd>
              {write(pair.value)}
              {service && (
                <Link
                  class="pair-find"
                  title="Find traces with this attribute"
                  aria-label={`Find traces with ${pair.key}`}
                  to={href('/traces', { service, tags: writeTag(pair.key, String(pair.value)) })}
                >
                  <Icon name="search" size={12} />
                </Link>
              )}
            </dd>
          </div>
        ))}
    </dl>
  );
}

const MARGIN_MS = 300_000;

function SpanLogs({ tree, span }: { tree: TraceTree; span: Span }) {
  const [whole, setWhole] = useState(false);
  const range = {
    start: Math.floor(tree.start / 1000) - MARGIN_MS,
    end: Math.ceil((tree.start + tree.duration) / 1000) + MARGIN_MS,
  };
  const query = traceQuery(tree.traceId, whole ? undefined : span.id, whole ? undefined : span.service);
  const logs = useLoad(query, query, (signal) => loki.logs(query, range, 200, signal));
  const to = href('/logs', { q: query, from: String(range.start), to: String(range.end) }, false);
  return (
    <section class="span-section" data-testid="span-logs">
      <h3>
        Logs <span class="quiet">{logs.data ? logs.data.length : ''}</span>
        <span class="spacer" />
        <button type="button" class="text-button" onClick={() => setWhole(!whole)}>
          {whole ? 'of this span' : 'of the whole trace'}
        </button>
        <Link to={to}>open in Logs</Link>
      </h3>
      {logs.data === undefined && (logs.error ? <ErrorState error={logs.error} retry={logs.retry} /> : <Skeleton rows={2} height={18} />)}
      {logs.data?.length === 0 && <p class="quiet">No line was written {whole ? 'in this trace' : 'in this span'}.</p>}
      {logs.data && logs.data.length > 0 && (
        <ol class="span-log-lines" aria-label={plural(logs.data.length, 'log line')}>
          {[...logs.data].reverse().map((entry) => (
            <li key={entry.id} class={`level-${levelOf(entry.fields)}`}>
              <time>{clock(entry.ms, true)}</time> <span class="wrap-any">{entry.line}</span>
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}
