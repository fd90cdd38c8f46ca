// The metrics explorer: one or more PromQL queries, drawn over the range or listed at its end.

import { useEffect, useMemo, useState } from 'preact/hooks';
import * as prometheus from '../../api/prometheus';
import { href, setParams, useParam, usePlace } from '../../app/router';
import { refreshNow, setRange, usePageTime } from '../../app/time';
import { CodeInput } from '../../components/code-input';
import { Icon } from '../../components/icons';
import { EmptyState, ErrorState, Skeleton } from '../../components/states';
import { tracesOf, type Marked } from '../../lib/exemplars';
import { dateClock, formatFor, plural } from '../../lib/format';
import { HistogramView } from './histogram-view';
import { chartData } from '../../lib/series';
import { alignRange, stepFor, type TimeRange } from '../../lib/time-range';
import { useLoad } from '../../lib/use-load';
import { Browser } from './browser';
import { GraphView } from './graph-view';
import { metricSuggestions } from './suggest';
import { TableView } from './table-view';

const LETTERS = 'ABCDEFGHIJ';

interface Answer<T> {
  expr: string;
  letter: string;
  result?: T;
  error?: Error;
}

/** Asks every query by itself, so that one that fails does not hide the others. */
function askAll<T>(exprs: string[], ask: (expr: string) => Promise<T>): Promise<Answer<T>[]> {
  return Promise.all(
    exprs.map(async (expr, i) => {
      const letter = LETTERS[i] ?? '?';
      if (!expr.trim()) return { expr, letter };
      try {
        return { expr, letter, result: await ask(expr) };
      } catch (cause) {
        return { expr, letter, error: cause instanceof Error ? cause : new Error(String(cause)) };
      }
    }),
  );
}

export function Metrics() {
  const time = usePageTime();
  const { params } = usePlace();
  const [view, setView] = useParam('view', 'graph');
  const queries = params.getAll('q');
  const joined = queries.join('\u0000');
  const [texts, setTexts] = useState(queries.length > 0 ? queries : ['']);
  useEffect(() => setTexts(queries.length > 0 ? queries : ['']), [joined]);

  const run = (next: string[]) => {
    const kept = next.map((t) => t.trim()).filter(Boolean);
    setParams({ q: kept });
    refreshNow();
  };
  const change = (i: number, text: string) => setTexts(texts.map((t, j) => (j === i ? text : t)));
  const asked = queries.length > 0;
  const at = `${joined}\n${time.range.start} ${time.range.end}`;
  const step = stepFor(time.range, 240);
  const grid = alignRange(time.range, step);
  const graph = useLoad(asked && view === 'graph' ? at : null, `graph ${joined}`, (signal) =>
    askAll(queries, (expr) => prometheus.queryRange(expr, grid, step, signal)),
  );
  const table = useLoad(asked && view === 'table' ? at : null, `table ${joined}`, (signal) =>
    askAll(queries, (expr) => prometheus.query(expr, time.range.end, signal)),
  );
  const [withExemplars, setExemplars] = useParam('exemplars', 'on');
  // Exemplars are a help: a server without any, or an expression without a selector, simply has none.
  const drawn = queries.filter((_, i) => graph.data?.[i] && !graph.data[i].error);
  const marksAt = view === 'graph' && withExemplars !== 'off' && drawn.length > 0 ? `${at}\n${drawn.join('\n')}` : null;
  const exemplars = useLoad(marksAt, `exemplars ${joined}`, async (signal) => {
    const all = await Promise.all(drawn.map((expr) => prometheus.exemplars(expr, time.range, signal).catch(() => [])));
    return tracesOf(all.flat(), time.range.start, time.range.end);
  });
  const answers: Answer<unknown>[] = (view === 'graph' ? graph.data : table.data) ?? [];

  return (
    <>
      <div class="queries">
        {texts.map((text, i) => {
          const error = queries[i] === text ? answers[i]?.error : undefined;
          return (
            <div key={i} class="query">
              <div class="query-row">
                {texts.length > 1 && <span class="query-letter">{LETTERS[i]}</span>}
                <CodeInput
                  value={text}
                  onInput={(next) => change(i, next)}
                  onRun={(next) => run(texts.map((t, j) => (j === i ? next : t)))}
                  complete={metricSuggestions}
                  label={`PromQL query ${LETTERS[i] ?? ''}`}
                  placeholder='rate(deriva_rpc_total{method="get"}[1m])'
                  search={i === 0}
                  invalid={error !== undefined}
                  testId="promql"
                />
                {texts.length > 1 && (
                  <button
                    type="button"
                    class="button button-icon button-bare"
                    aria-label={`Take out query ${LETTERS[i]}`}
                    onClick={() => run(texts.filter((_, j) => j !== i))}
                  >
                    <Icon name="close" size={13} />
                  </button>
                )}
                {i === 0 && (
                  <button type="button" class="button button-main" data-testid="run" onClick={() => run(texts)}>
                    <Icon name="play" size={11} /> Run
                  </button>
                )}
              </div>
              {error && (
                <p class="query-error" role="alert" data-testid="query-error">
                  <Icon name="warn" size={13} /> {error.message}
                </p>
              )}
            </div>
          );
        })}
        <div class="toolbar">
          <div class="tabs" role="group" aria-label="View">
            {['graph', 'table'].map((name) => (
              <button key={name} type="button" class="tab" aria-pressed={view === name} onClick={() => setView(name)}>
                {name === 'graph' ? 'Graph' : 'Table'}
              </button>
            ))}
          </div>
          <button
            type="button"
            class="button button-small button-bare"
            disabled={texts.length >= LETTERS.length || !texts.at(-1)?.trim()}
            onClick={() => setTexts([...texts, ''])}
          >
            <Icon name="plus" size={12} /> Add a query
          </button>
          {asked && view === 'graph' && (exemplars.data?.length ?? 0) + (withExemplars === 'off' ? 1 : 0) > 0 && (
            <button
              type="button"
              class="button button-small"
              data-testid="exemplars"
              aria-pressed={withExemplars !== 'off'}
              title="Observations that name a trace, which opens at a click"
              onClick={() => setExemplars(withExemplars === 'off' ? 'on' : 'off', { replace: true })}
            >
              Exemplars
            </button>
          )}
        </div>
      </div>
      {!asked ? (
        <Browser choose={(expr) => run([expr])} />
      ) : view === 'table' ? (
        <Table answers={table.data} error={table.error} retry={table.retry} />
      ) : (
        <Graph answers={graph.data} error={graph.error} retry={graph.retry} range={time.range} grid={grid} step={step} marks={exemplars.data ?? []} />
      )}
    </>
  );
}

interface PartProps<T> {
  answers: Answer<T>[] | undefined;
  error: Error | undefined;
  retry: () => void;
}

function Nothing({ range }: { range: string }) {
  return (
    <EmptyState title="The query has no result">
      <p>No series matches {range}. Check the label values, or widen the time range.</p>
    </EmptyState>
  );
}

interface GraphProps extends PartProps<prometheus.MatrixSeries[]> {
  range: TimeRange;
  grid: TimeRange;
  step: number;
  marks: Marked[];
}

function Graph({ answers, error, retry, range, grid, step, marks }: GraphProps) {
  const data = useMemo(() => {
    const good = (answers ?? []).flatMap((a) => (a.result ? [{ name: a.letter, series: a.result, expr: a.expr }] : []));
    const only = good.length === 1 ? good.map((g) => ({ ...g, name: g.expr })) : good;
    // The grid of the answer, not of the newest range: while a refresh is under way the older picture stays whole.
    const numbers = only.map((g) => ({ ...g, series: g.series.filter((s) => s.values.length > 0) }));
    const histograms = good.flatMap((g) => g.series.filter((s) => (s.histograms ?? []).length > 0));
    return { chart: chartData(numbers, grid.start, grid.end, step), histograms, format: formatFor(good.map((g) => g.expr).join(' ')) };
  }, [answers]);
  const drawn = useMemo(
    () =>
      marks.map((m) => ({
        key: `${m.traceId} ${m.at} ${m.value}`,
        at: m.at,
        value: m.value,
        label: `Trace ${m.traceId.slice(0, 8)}: ${data.format(m.value)} at ${dateClock(m.at * 1000)}`,
        to: href(`/trace/${m.traceId}`, { span: m.spanId }),
      })),
    [marks, data],
  );
  if (!answers) return error ? <ErrorState error={error} retry={retry} /> : <Skeleton rows={1} height={320} label="Running the query" />;
  if (data.chart.series.length === 0 && data.histograms.length === 0) {
    return answers.some((a) => a.error) ? null : <Nothing range="in this range" />;
  }
  return (
    <>
      {data.chart.left > 0 && (
        <p class="notice" role="status">
          <Icon name="warn" size={14} /> {plural(data.chart.left, 'more series', 'more series')} not drawn: those with the
          largest means are shown. Aggregate with sum by (…) or topk.
        </p>
      )}
      {data.chart.series.length > 0 && (
        <GraphView data={data.chart} start={range.start} end={range.end} format={data.format} onZoom={setRange} step={step} marks={drawn} />
      )}
      {data.histograms.length > 0 && <HistogramView series={data.histograms} range={range} step={step} format={data.format} />}
    </>
  );
}

function Table({ answers, error, retry }: PartProps<prometheus.InstantResult>) {
  if (!answers) return error ? <ErrorState error={error} retry={retry} /> : <Skeleton rows={8} height={26} label="Running the query" />;
  return (
    <>
      {answers.map((a) => (a.result ? <TableView key={a.letter} expr={a.expr} result={a.result} letter={answers.length > 1 ? a.letter : ''} /> : null))}
    </>
  );
}
