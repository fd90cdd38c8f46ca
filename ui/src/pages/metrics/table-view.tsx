// The instant answer as a table: a column for each label, the value last.

import { useMemo, useState } from 'preact/hooks';
import type { InstantResult, Labels, NativeHistogram } from '../../api/prometheus';
import { count, dateClock, plural, significant } from '../../lib/format';
import { boundsOf, meanOf } from '../../lib/native-histogram';

const FIRST_ROWS = 300;

interface Row {
  metric: Labels;
  value: string;
  histogram?: NativeHistogram;
}

function rowsOf(result: InstantResult): Row[] {
  switch (result.resultType) {
    case 'vector':
      return result.result.map((s) =>
        s.histogram ? { metric: s.metric, value: s.histogram[1].count, histogram: s.histogram[1] } : { metric: s.metric, value: s.value[1] },
      );
    case 'matrix':
      return result.result.map((s) => ({
        metric: s.metric,
        value: [
          ...s.values.map(([t, v]) => `${v} @${dateClock(t * 1000)}`),
          ...(s.histograms ?? []).map(([t, h]) => `${h.count} observations, sum ${h.sum} @${dateClock(t * 1000)}`),
        ].join('\n'),
      }));
    default:
      return [{ metric: {}, value: result.result[1] }];
  }
}

export function TableView({ expr, result, letter }: { expr: string; result: InstantResult; letter: string }) {
  const [order, setOrder] = useState<{ by: string; down: boolean }>({ by: '', down: true });
  const [all, setAll] = useState(false);
  const rows = useMemo(() => rowsOf(result), [result]);
  const labels = useMemo(() => {
    const names = new Set(rows.flatMap((r) => Object.keys(r.metric)));
    return [...names].sort((a, b) => Number(b === '__name__') - Number(a === '__name__') || a.localeCompare(b));
  }, [rows]);
  const sorted = useMemo(() => {
    if (!order.by) return rows;
    const sign = order.down ? -1 : 1;
    const value = (r: Row) => {
      const n = Number(r.value);
      return Number.isNaN(n) ? -Infinity : n;
    };
    const compare = (a: Row, b: Row) =>
      order.by === '=' ? value(a) - value(b) : (a.metric[order.by] ?? '').localeCompare(b.metric[order.by] ?? '');
    return [...rows].sort((a, b) => sign * compare(a, b));
  }, [rows, order]);
  const head = (by: string, name: string, number = false) => (
    <th class={number ? 'num' : ''} aria-sort={order.by === by ? (order.down ? 'descending' : 'ascending') : undefined}>
      <button type="button" class="sort" onClick={() => setOrder({ by, down: order.by === by ? !order.down : number })}>
        {name} {order.by === by ? (order.down ? '↓' : '↑') : ''}
      </button>
    </th>
  );
  return (
    <section class="result-table" data-testid="table">
      <p class="quiet">
        {letter && <b>{letter} </b>}
        {plural(rows.length, 'series', 'series')} of <code class="wrap-any">{expr}</code>
      </p>
      {rows.length > 0 && (
        <div class="table-box panel">
          <table>
            <thead>
              <tr>
                {labels.map((name) => head(name, name === '__name__' ? 'metric' : name))}
                {head('=', 'value', true)}
              </tr>
            </thead>
            <tbody>
              {sorted.slice(0, all ? undefined : FIRST_ROWS).map((row, i) => (
                <tr key={i}>
                  {labels.map((name) => (
                    <td key={name} class="mono">
                      {row.metric[name] ?? ''}
                    </td>
                  ))}
                  <td class="num mono table-value">{row.histogram ? <Histogram of={row.histogram} /> : row.value}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {!all && rows.length > FIRST_ROWS && (
        <button type="button" class="button" onClick={() => setAll(true)}>
          Show all {rows.length}
        </button>
      )}
    </section>
  );
}

/** A histogram in a cell: its figures, and its buckets when opened. */
function Histogram({ of }: { of: NativeHistogram }) {
  const most = Math.max(1e-300, ...(of.buckets ?? []).map((b) => Number(b[3])));
  return (
    <details class="cell-histogram" data-testid="cell-histogram">
      <summary>
        {count(Number(of.count))} <span class="quiet">observations, mean {significant(meanOf(of))}</span>
      </summary>
      {(of.buckets ?? []).map((bucket) => (
        <div key={`${bucket[1]} ${bucket[2]}`} class="bucket">
          <span class="quiet">{boundsOf(bucket)}</span>
          <i style={{ width: `${(Number(bucket[3]) / most) * 100}px` }} />
          <span>{count(Number(bucket[3]))}</span>
        </div>
      ))}
    </details>
  );
}
