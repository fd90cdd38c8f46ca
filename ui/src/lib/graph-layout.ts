// A layered layout for the service map: callers to the left of what they call, few crossings, the same picture for the same graph.

export interface LayoutEdge {
  from: string;
  to: string;
}

export interface Placed {
  name: string;
  layer: number;
  /** Place within the layer, from the top. */
  row: number;
}

/** Edges that close a cycle, found depth first from the nodes that nobody calls. */
function backEdges(names: string[], out: Map<string, string[]>, called: Set<string>): Set<string> {
  const back = new Set<string>();
  const state = new Map<string, 'open' | 'done'>();
  for (const start of [...names.filter((n) => !called.has(n)), ...names]) {
    if (state.has(start)) continue;
    const stack: { name: string; next: number }[] = [{ name: start, next: 0 }];
    state.set(start, 'open');
    while (stack.length > 0) {
      const top = stack[stack.length - 1];
      if (!top) break;
      const to = (out.get(top.name) ?? [])[top.next++];
      if (to === undefined) {
        state.set(top.name, 'done');
        stack.pop();
      } else if (state.get(to) === 'open') back.add(`${top.name}\n${to}`);
      else if (!state.has(to)) {
        state.set(to, 'open');
        stack.push({ name: to, next: 0 });
      }
    }
  }
  return back;
}

/** Places every node. Layers are the longest way from a node that nobody calls; rows follow the mean of the neighbours' rows. */
export function layout(names: string[], edges: LayoutEdge[]): Placed[] {
  const sorted = [...names].sort();
  const known = new Set(sorted);
  const own = edges.filter((e) => known.has(e.from) && known.has(e.to) && e.from !== e.to);
  const out = new Map<string, string[]>();
  const into = new Map<string, string[]>();
  for (const { from, to } of [...own].sort((a, b) => a.from.localeCompare(b.from) || a.to.localeCompare(b.to))) {
    out.set(from, [...(out.get(from) ?? []), to]);
    into.set(to, [...(into.get(to) ?? []), from]);
  }
  const back = backEdges(sorted, out, new Set(into.keys()));
  const forward = own.filter((e) => !back.has(`${e.from}\n${e.to}`));
  const layer = new Map(sorted.map((n) => [n, 0]));
  // Longest ways without a cycle settle in as many rounds as there are layers.
  for (let changed = true, round = 0; changed && round <= sorted.length; round++) {
    changed = false;
    for (const { from, to } of forward) {
      const wanted = (layer.get(from) ?? 0) + 1;
      if ((layer.get(to) ?? 0) < wanted) {
        layer.set(to, wanted);
        changed = true;
      }
    }
  }
  const layers: string[][] = [];
  for (const name of sorted) (layers[layer.get(name) ?? 0] ??= []).push(name);
  const rowOf = new Map<string, number>();
  const number = () => layers.forEach((list) => list?.forEach((name, i) => rowOf.set(name, i - (list.length - 1) / 2)));
  number();
  for (let sweep = 0; sweep < 8; sweep++) {
    const down = sweep % 2 === 0;
    for (const list of down ? layers : [...layers].reverse()) {
      const mean = (name: string) => {
        const rows = ((down ? into : out).get(name) ?? []).map((n) => rowOf.get(n) ?? 0);
        return rows.length > 0 ? rows.reduce((a, b) => a + b, 0) / rows.length : (rowOf.get(name) ?? 0);
      };
      const means = new Map((list ?? []).map((name) => [name, mean(name)]));
      list?.sort((a, b) => (means.get(a) ?? 0) - (means.get(b) ?? 0) || a.localeCompare(b));
      list?.forEach((name, i) => rowOf.set(name, i - (list.length - 1) / 2));
    }
  }
  return layers.flatMap((list, l) => (list ?? []).map((name, row) => ({ name, layer: l, row })));
}
