// The lines, newest first. A click or Enter opens a line's fields, from which one filters or goes to the trace.

import { useCallback, useEffect, useState } from 'preact/hooks';
import type { LogEntry } from '../../api/loki';
import { href, Link } from '../../app/router';
import { Icon } from '../../components/icons';
import { VirtualList } from '../../components/virtual-list';
import { serviceColour } from '../../lib/colours';
import { clock, dateClock } from '../../lib/format';
import { brief } from '../../lib/log-volume';
import { levelOf, type FilterOp } from '../../lib/logql';

const ROW = 22;
const keyOf = (entry: LogEntry) => entry.id;

export interface LogLinesProps {
  entries: LogEntry[];
  /** Names of the fields that are shown beside the message. */
  telling: string[];
  filter: (field: string, op: FilterOp, value: string) => void;
  resetKey: string;
}

export function LogLines({ entries, telling, filter, resetKey }: LogLinesProps) {
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const [active, setActive] = useState<string | null>(null);
  const at = active === null ? -1 : entries.findIndex((e) => e.id === active);
  const manyServices = entries.some((e) => e.fields['service_name'] !== entries[0]?.fields['service_name']);
  useEffect(() => setOpen(new Set()), [resetKey]);

  const toggle = useCallback((id: string) => {
    setActive(id);
    setOpen((old) => {
      const next = new Set(old);
      if (!next.delete(id)) next.add(id);
      return next;
    });
  }, []);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.target !== event.currentTarget) return;
    const moves: Record<string, number> = { ArrowDown: at + 1, ArrowUp: Math.max(0, at - 1), PageDown: at + 20, PageUp: at - 20, Home: 0, End: entries.length - 1 };
    const to = moves[event.key];
    if (to !== undefined) {
      const entry = entries[Math.min(entries.length - 1, Math.max(0, to))];
      if (entry) setActive(entry.id);
    } else if ((event.key === 'Enter' || event.key === ' ') && active) toggle(active);
    else return;
    event.preventDefault();
  };

  return (
    <VirtualList
      class="log-lines"
      role="list"
      label="Log lines, newest first"
      items={entries}
      rowHeight={ROW}
      keyOf={keyOf}
      expanded={open}
      active={at}
      resetKey={resetKey}
      onKeyDown={onKeyDown}
      render={(entry) => {
        const isOpen = open.has(entry.id);
        const level = levelOf(entry.fields);
        return (
          <div class={`log level-${level}${isOpen ? ' open' : ''}${entry.id === active ? ' active' : ''}`} role="listitem">
            <div class="log-line" data-testid="log-line" onClick={() => toggle(entry.id)}>
              <time>{clock(entry.ms, true)}</time>
              <span class="log-level">{level === 'other' ? '' : level}</span>
              {manyServices && (
                <span class="log-service clip">
                  <i class="swatch" style={{ background: serviceColour(entry.fields['service_name'] ?? '') }} />{' '}
                  {entry.fields['service_name']}
                </span>
              )}
              <span class={isOpen ? 'log-text' : 'log-text clip'}>
                {entry.line}
                {!isOpen &&
                  telling.map((name) =>
                    entry.fields[name] === undefined ? null : (
                      <span key={name} class="log-aside">
                        <b>{name}=</b>
                        {brief(entry.fields[name] ?? '')}
                      </span>
                    ),
                  )}
              </span>
            </div>
            {isOpen && <LogFields entry={entry} filter={filter} />}
          </div>
        );
      }}
    />
  );
}

function LogFields({ entry, filter }: { entry: LogEntry; filter: LogLinesProps['filter'] }) {
  const { fields } = entry;
  const trace = fields['trace_id'];
  return (
    <div class="log-fields" data-testid="log-fields">
      <div class="toolbar">
        {trace && (
          <Link class="button button-small" data-testid="to-trace" to={href(`/trace/${trace}`, { span: fields['span_id'] })}>
            <Icon name="traces" size={13} /> Open the trace
          </Link>
        )}
        {trace && (
          <button type="button" class="button button-small" onClick={() => filter('trace_id', '=', trace)}>
            Only this trace
          </button>
        )}
        <span class="quiet">{dateClock(entry.ms, true)}</span>
      </div>
      <dl class="definition">
        {Object.entries(fields)
          .sort(([a], [b]) => a.localeCompare(b))
          .map(([name, value]) => (
            <div key={name} class="pair log-pair">
              <dt>
                <button type="button" aria-label={`Only ${name} ${value}`} title="Only this value" onClick={() => filter(name, '=', value)}>
                  <Icon name="equal" size={11} />
                </button>
                <button type="button" aria-label={`Without ${name} ${value}`} title="Without this value" onClick={() => filter(name, '!=', value)}>
                  <Icon name="unequal" size={11} />
                </button>
                {name}
              </dt>
              <dd>{value}</dd>
            </div>
          ))}
      </dl>
    </div>
  );
}
