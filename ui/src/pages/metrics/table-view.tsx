// The instant answer as a table: a column for each label, the value last.

import { useMemo, useState } from 'preact/hooks';
import type { InstantResult, Labels } from '../../api/prometheus';
import { dateClock, plural } from '../../lib/format';

const FIRST_ROWS = 300;

interface Row {
  metric: Labels;
  value: string;
}

function rowsOf(result: InstantResult): Row[] {
  switch (result.resultType) {
    case 'vector':
      return result.result.map((s) => ({ metric: s.metric, value: s.value[1] }));
    case 'matrix':
      return result.result.map((s) => ({
        metric: s.metric,
        value: s.values.map(([t, v]) => `${v} @${dateClock(t * 1000)}`).join('\n'),
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
                  <td class="num mono table-value">{row.value}</td>
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
