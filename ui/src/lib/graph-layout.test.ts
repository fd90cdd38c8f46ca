import { describe, expect, test } from 'vitest';
import { layout } from './graph-layout';

const layers = (names: string[], edges: [string, string][]) =>
  Object.fromEntries(layout(names, edges.map(([from, to]) => ({ from, to }))).map((p) => [p.name, p.layer]));

describe('the layout of the map', () => {
  test('callers stand before what they call, by the longest way', () => {
    expect(layers(['web', 'shop', 'db'], [['web', 'shop'], ['shop', 'db'], ['web', 'db']])).toEqual({ web: 0, shop: 1, db: 2 });
    expect(layers(['a'], [])).toEqual({ a: 0 });
  });

  test('cycles and edges to nowhere do no harm', () => {
    expect(layers(['a', 'b', 'c'], [['a', 'b'], ['b', 'c'], ['c', 'a'], ['a', 'a'], ['a', 'gone']])).toEqual({ a: 0, b: 1, c: 2 });
  });

  test('neighbours stand side by side', () => {
    const placed = layout(
      ['a', 'b', 'x', 'y'],
      [
        { from: 'a', to: 'y' },
        { from: 'b', to: 'x' },
      ],
    );
    const row = (name: string) => placed.find((p) => p.name === name)?.row;
    expect(row('y')).toBe(row('a'));
    expect(row('x')).toBe(row('b'));
  });
});
