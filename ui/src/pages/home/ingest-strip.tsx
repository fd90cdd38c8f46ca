// The strip at the foot of home: what the server holds and has had to drop.

import type { Status } from '../../api/watchroom';
import { bytes, count, longDuration } from '../../lib/format';

export function IngestStrip({ status }: { status: Status }) {
  const { store } = status;
  const items: [string, string, string?][] = [];
  const add = (name: string, value: number | undefined, write: (n: number) => string, tone?: string) => {
    if (value !== undefined) items.push(tone ? [name, write(value), tone] : [name, write(value)]);
  };
  add('series', store.series, count);
  add('samples', store.samples, count);
  add('spans', store.spans, count);
  add('log lines', store.log_lines, count);
  add('on disk', store.disk_bytes, bytes);
  add('in memory', store.memory_bytes, bytes);
  add('dropped', store.dropped, count, store.dropped ? 'bad' : 'good');
  return (
    <section class="ingest" aria-label="What the server holds" data-testid="ingest">
      <dl>
        {items.map(([name, value, tone]) => (
          <div key={name}>
            <dd class={tone}>{value}</dd>
            <dt>{name}</dt>
          </div>
        ))}
      </dl>
      <p class="quiet">
        watchroom {status.version}, up {longDuration(status.uptime_seconds)}
      </p>
    </section>
  );
}
