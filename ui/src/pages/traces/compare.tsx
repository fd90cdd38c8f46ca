// What sets a selection apart from the rest: fields ranked by how much their values differ, with both shares side by side.

import { useState } from 'preact/hooks';
import * as api from '../../api/traces';
import { useParam } from '../../app/router';
import { Icon } from '../../components/icons';
import { EmptyState, Show, Skeleton } from '../../components/states';
import { count, percent, plural } from '../../lib/format';
import type { TimeRange } from '../../lib/time-range';
import { withCondition } from '../../lib/trace-expression';
import { useLoad } from '../../lib/use-load';

const STARTERS = ['{ status = error }', '{ duration > 100ms }', '{ duration > 1s }'];

export function Compare({ q, range, change }: { q: string; range: TimeRange; change: (q: string) => void }) {
  const [selection, setSelection] = useParam('selection', '{ status = error }');
  const [typed, setTyped] = useState(selection);
  const [all, setAll] = useState(false);
  const key = [q, selection, range.start, range.end].join('\n');
  const found = useLoad(key, `compare ${q} ${selection}`, (signal) => api.compare(q, selection, range, signal));
  const choose = (text: string) => {
    setTyped(text);
    setSelection(text);
  };
  return (
    <>
      <form
        class="toolbar compare-form"
        onSubmit={(e) => {
          e.preventDefault();
          choose(typed);
        }}
      >
        <label class="compare-field">
          <span class="quiet">spans with</span>
          <input
            class="input mono"
            name="selection"
            value={typed}
            spellcheck={false}
            aria-invalid={found.error !== undefined}
            onInput={(e) => setTyped(e.currentTarget.value)}
          />
        </label>
        <span class="quiet">beside the others</span>
        <button type="submit" class="button">
          Compare
        </button>
        <span class="spacer" />
        {STARTERS.filter((s) => s !== selection).map((s) => (
          <button key={s} type="button" class="button button-small button-bare mono" onClick={() => choose(s)}>
            {s}
          </button>
        ))}
      </form>
      <Show of={found} skeleton={<Skeleton rows={6} height={64} label="Comparing the spans" />}>
        {(c) => {
          if (c.selected === 0 || c.rest === 0) {
            return (
              <EmptyState title={c.selected === 0 ? 'No span is selected' : 'Nothing is left to compare with'}>
                <p>
                  {plural(c.selected, 'span')} selected, {count(c.rest)} others. Choose a selection that some spans satisfy and others do not.
                </p>
              </EmptyState>
            );
          }
          const telling = c.keys.filter((k) => k.distance > 0);
          const shown = all ? c.keys : telling;
          return (
            <>
              <p class="compare-head" data-testid="compare-head">
                <i class="swatch swatch-selected" /> <b>{count(c.selected)}</b> selected <span class="quiet">beside</span>{' '}
                <i class="swatch swatch-rest" /> <b>{count(c.rest)}</b> others.{' '}
                {telling.length > 0
                  ? `${plural(telling.length, 'field')} differ${telling.length === 1 ? 's' : ''} by more than chance would make likely.`
                  : 'No field differs by more than chance would make likely.'}
                {c.coverage.partial && <span class="quiet"> Only the newest spans were compared.</span>}
                {telling.length < c.keys.length && (
                  <button type="button" class="text-button" onClick={() => setAll(!all)}>
                    {all ? 'only what differs' : 'all fields'}
                  </button>
                )}
              </p>
              <div class="contrasts">
                {shown.map((k) => (
                  <Key key={k.field} of={k} total={c} add={(condition) => change(withCondition(q, condition))} />
                ))}
              </div>
            </>
          );
        }}
      </Show>
    </>
  );
}

function Key({ of, total, add }: { of: api.KeyContrast; total: api.Comparison; add: (condition: string) => void }) {
  const values = of.distance > 0 ? of.values.filter((v) => v.significant) : of.values.slice(0, 3);
  return (
    <section class="contrast panel" aria-label={of.field} data-testid="contrast">
      <h3>
        <code>{of.field}</code>
        <span class="quiet">
          {of.distance > 0 ? `differs by ${percent(of.distance)}` : 'much the same'}, {plural(of.n_values, 'value')}
        </span>
      </h3>
      {values.map((v) => {
        const [a, b] = [v.selected / total.selected, v.rest / total.rest];
        return (
          <div key={v.value} class="contrast-value">
            <span class="mono clip" title={v.value}>
              {v.value || '(empty)'}
            </span>
            <span class="contrast-bars" title={`z = ${v.z.toFixed(1)}`}>
              <i class="bar-selected" style={{ width: `${Math.max(0.5, a * 100)}%` }} />
              <i class="bar-rest" style={{ width: `${Math.max(0.5, b * 100)}%` }} />
            </span>
            <span class="num contrast-shares">
              {percent(a)} <span class="quiet">{percent(b)}</span>
            </span>
            <button
              type="button"
              class="button button-bare button-icon button-small"
              aria-label={`Only spans with ${v.condition}`}
              title={`Only spans with ${v.condition}`}
              onClick={() => add(v.condition)}
            >
              <Icon name="plus" size={12} />
            </button>
          </div>
        );
      })}
    </section>
  );
}
