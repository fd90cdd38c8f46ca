// Rules as the alerts page reads them: filtered, counted, and with the stretches in which they were pending or firing.

import type { Labels, MatrixSeries, Rule, RuleGroup } from '../api/prometheus';
import type { TimeRange } from './time-range';

export type RuleState = 'firing' | 'pending' | 'inactive' | 'recording';

export function stateOf(rule: Rule): RuleState {
  if (rule.type === 'recording') return 'recording';
  if (rule.state === 'firing' || rule.state === 'pending') return rule.state;
  // A server may leave the rule's own state out; its instances tell.
  if (rule.alerts?.some((a) => a.state === 'firing')) return 'firing';
  return rule.alerts?.some((a) => a.state === 'pending') ? 'pending' : 'inactive';
}

export function countStates(groups: RuleGroup[]): Record<RuleState, number> {
  const counts: Record<RuleState, number> = { firing: 0, pending: 0, inactive: 0, recording: 0 };
  for (const group of groups) for (const rule of group.rules) counts[stateOf(rule)]++;
  return counts;
}

const holds = (labels: Labels | undefined, word: string) =>
  Object.entries(labels ?? {}).some(([k, v]) => `${k}=${v}`.toLowerCase().includes(word));

/** The groups with the rules in one of the states that hold every word of the text; groups left empty are dropped. */
export function filterGroups(groups: RuleGroup[], states: string[], text: string): RuleGroup[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return groups
    .map((group) => ({
      ...group,
      rules: group.rules.filter((rule) => {
        if (states.length > 0 && !states.includes(stateOf(rule))) return false;
        return words.every(
          (word) =>
            `${rule.name} ${group.name} ${rule.query}`.toLowerCase().includes(word) ||
            holds(rule.labels, word) ||
            holds(rule.annotations, word) ||
            rule.alerts?.some((a) => holds(a.labels, word)),
        );
      }),
    }))
    .filter((group) => group.rules.length > 0);
}

/** Firing rules first, then pending; within a state the order of the file. */
export function byUrgency(rules: Rule[]): Rule[] {
  const order: RuleState[] = ['firing', 'pending', 'inactive', 'recording'];
  return [...rules].sort((a, b) => order.indexOf(stateOf(a)) - order.indexOf(stateOf(b)));
}

export interface Stretch {
  state: 'firing' | 'pending';
  start: number;
  end: number;
}

/** The stretches of each rule out of the `ALERTS` series; firing covers pending where instances differ. */
export function stretches(series: MatrixSeries[], range: TimeRange, step: number): Map<string, Stretch[]> {
  const n = Math.floor((range.end - range.start) / (step * 1000)) + 1;
  const grids = new Map<string, (Stretch['state'] | null)[]>();
  for (const { metric, values } of series) {
    const name = metric['alertname'] ?? '';
    const state = metric['alertstate'] === 'firing' ? 'firing' : 'pending';
    const grid = grids.get(name) ?? new Array<Stretch['state'] | null>(n).fill(null);
    for (const [at] of values) {
      const i = Math.round((at * 1000 - range.start) / (step * 1000));
      if (i >= 0 && i < n && grid[i] !== 'firing') grid[i] = state;
    }
    grids.set(name, grid);
  }
  const out = new Map<string, Stretch[]>();
  for (const [name, grid] of grids) {
    const list: Stretch[] = [];
    grid.forEach((state, i) => {
      if (!state) return;
      const start = range.start + i * step * 1000;
      const last = list.at(-1);
      if (last && last.state === state && last.end === start) last.end = start + step * 1000;
      else list.push({ state, start, end: start + step * 1000 });
    });
    out.set(name, list);
  }
  return out;
}
