// RED by group: rate, errors and durations of the matched spans for each value of a field, drawn over time and listed.

import { useMemo, useState } from 'preact/hooks';
import * as api from '../../api/traces';
import { useParam, usePlace, setParams } from '../../app/router';
import { setRange } from '../../app/time';
import { TimeChart } from '../../components/time-chart';
import { EmptyState, Show, Skeleton } from '../../components/states';
import { seriesColour } from '../../lib/colours';
import { count, percent, plural, rate, seconds } from '../../lib/format';
import type { ChartData } from '../../lib/series';
import { stepFor, type TimeRange } from '../../lib/time-range';
import { quote } from '../../lib/logql';
import { withCondition } from '../../lib/trace-expression';
import { useLoad } from '../../lib/use-load';

const FIGURES = {
  rate: 'Spans a second',
  errors: 'Share of failed',
  p50: 'p50',
  p95: 'p95',
  p99: 'p99',
} as const;
type Figure = keyof typeof FIGURES;

const nameOf = (group: api.RedGroup) => group.values.map((v) => v ?? '(none)').join(', ') || 'all';

function valueAt(group: api.RedGroup, figure: Figure, i: number, stepMs: number): number | null {
  const n = group.count[i] ?? 0;
  switch (figure) {
    case 'rate':
      return n / (stepMs / 1000);
    case 'errors':
      return n > 0 ? (group.errors[i] ?? 0) / n : null;
    default: {
      const ns = group[`${figure}_ns`][i];
      return ns === null || ns === undefined ? null : ns / 1e9;
    }
  }
}

function chartOf(red: api.Red, groups: api.RedGroup[], figure: Figure): ChartData {
  const times = Array.from({ length: red.steps }, (_, i) => (red.start_ms + i * red.step_ms) / 1000);
  const series = groups.map((group, g) => {
    const values = times.map((_, i) => valueAt(group, figure, i, red.step_ms));
    const known = values.filter((v): v is number => v !== null);
    return {
      key: `${g} ${nameOf(group)}`,
      label: nameOf(group),
      metric: {},
      values,
      last: known.at(-1) ?? null,
      min: Math.min(...known),
      max: Math.max(...known),
      avg: known.reduce((a, b) => a + b, 0) / Math.max(1, known.length),
    };
  });
  return { times, series, left: 0 };
}

/** The condition for a group's value; text by quotes, which numbers of the same text satisfy too. */
function conditionOf(field: string, value: string | null): string {
  if (value === null) return `${field} = nil`;
  if (field === 'status' || field === 'kind') return `${field} = ${value}`;
  return `${field} = ${quote(value)}`;
}

export function Groups({ q, range, change }: { q: string; range: TimeRange; change: (q: string) => void }) {
  const { params } = usePlace();
  const by = params.getAll('by').filter(Boolean);
  const fields = by.length > 0 ? by : ['resource.service.name'];
  const [figureText, setFigure] = useParam('figure', 'rate');
  const figure = (figureText in FIGURES ? figureText : 'rate') as Figure;
  const [typed, setTyped] = useState(fields.join(', '));
  const [lit, setLit] = useState<string | null>(null);
  const step = stepFor(range, 100);
  const known = useLoad(`${range.start} ${range.end}`, 'fields', (signal) => api.fields('', range, signal));
  const key = [q, fields.join('\u0000'), range.start, range.end].join('\n');
  const found = useLoad(key, `groups ${q} ${fields.join(' ')}`, (signal) => api.red(q, fields, range, step, 20, signal));
  const submit = (event: Event) => {
    event.preventDefault();
    setParams({ by: typed.split(',').map((f) => f.trim()).filter(Boolean) });
  };
  return (
    <>
      <form class="toolbar groups-form" onSubmit={submit}>
        <label class="groups-by">
          <span class="quiet">by</span>
          <input
            class="input mono"
            name="by"
            list="trace-fields"
            value={typed}
            spellcheck={false}
            placeholder="resource.service.name, span.http.route"
            onInput={(e) => setTyped(e.currentTarget.value)}
          />
          <datalist id="trace-fields">
            {(known.data ?? []).map((f) => (
              <option key={f.field} value={f.field} />
            ))}
          </datalist>
        </label>
        <button type="submit" class="button">
          Group
        </button>
        <span class="spacer" />
        <div class="tabs" role="group" aria-label="Figure">
          {Object.entries(FIGURES).map(([name, title]) => (
            <button key={name} type="button" class="tab" aria-pressed={figure === name} onClick={() => setFigure(name)}>
              {title}
            </button>
          ))}
        </div>
      </form>
      <Show of={found} skeleton={<Skeleton rows={1} height={300} label="Grouping the spans" />}>
        {(red) => <RedView red={red} figure={figure} range={range} lit={lit} setLit={setLit} choose={(group) => {
          change(fields.reduce((expr, field, i) => withCondition(expr, conditionOf(field, group.values[i] ?? null)), q));
        }} />}
      </Show>
    </>
  );
}

interface RedViewProps {
  red: api.Red;
  figure: Figure;
  range: TimeRange;
  lit: string | null;
  setLit: (key: string | null) => void;
  choose: (group: api.RedGroup) => void;
}

function RedView({ red, figure, range, lit, setLit, choose }: RedViewProps) {
  const groups = useMemo(
    () => (red.other ? [...red.groups, { ...red.other, values: [`the ${count(red.other_groups)} smaller groups`] }] : red.groups),
    [red],
  );
  const chart = useMemo(() => chartOf(red, groups, figure), [red, groups, figure]);
  const length = (red.steps * red.step_ms) / 1000;
  if (red.total.count === 0) {
    return (
      <EmptyState title="No span answers to this expression">
        <p>Widen the time range, or take out a condition.</p>
      </EmptyState>
    );
  }
  const format = figure === 'rate' ? rate : figure === 'errors' ? percent : seconds;
  return (
    <div class="graph panel" data-testid="groups">
      <TimeChart
        data={chart}
        start={range.start}
        end={range.end}
        height={260}
        format={format}
        hidden={NONE}
        lit={lit}
        onZoom={setRange}
        label={`${FIGURES[figure]} of ${plural(groups.length, 'group')}`}
      />
      <div class="legend">
        <table>
          <thead>
            <tr>
              <th>{plural(red.groups.length + red.other_groups, 'group')} by {red.by.join(', ')}</th>
              <th class="num">spans</th>
              <th class="num">a second</th>
              <th class="num">failed</th>
              <th class="num">p50</th>
              <th class="num">p95</th>
              <th class="num">p99</th>
            </tr>
          </thead>
          <tbody onMouseLeave={() => setLit(null)}>
            {groups.map((group, i) => {
              const { total } = group;
              const ns = (value: number | null) => (value === null ? '–' : seconds(value / 1e9));
              const other = i >= red.groups.length;
              return (
                <tr key={i} onMouseEnter={() => setLit(chart.series[i]?.key ?? null)} data-testid="group-row">
                  <td>
                    <button
                      type="button"
                      data-row
                      class="legend-name"
                      disabled={other}
                      title={other ? 'What is left when the largest are shown' : 'Only these spans'}
                      onClick={() => choose(group)}
                    >
                      <i class="swatch" style={{ background: seriesColour(i) }} />
                      <span class="clip">{nameOf(group)}</span>
                    </button>
                  </td>
                  <td class="num">{count(total.count)}</td>
                  <td class="num">{rate(total.count / length)}</td>
                  <td class={total.errors > 0 ? 'num bad' : 'num'}>{percent(total.errors / Math.max(1, total.count))}</td>
                  <td class="num">{ns(total.p50_ns)}</td>
                  <td class="num">{ns(total.p95_ns)}</td>
                  <td class="num">{ns(total.p99_ns)}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </div>
  );
}

const NONE: ReadonlySet<string> = new Set();
