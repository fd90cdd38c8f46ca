import { describe, expect, test } from 'vitest';
import { durationLiteral, fieldOf, fromForm, insideOf, placeAt, withCondition } from './trace-expression';

describe('writing expressions', () => {
  test('the form becomes an expression', () => {
    expect(fromForm({ service: '', operation: '', tags: {}, min: '', max: '' })).toBe('{ }');
    expect(
      fromForm({ service: 'a"b', operation: 'get', tags: { error: 'true', 'span.kind': 'client', 'x y': '1' }, min: '10ms', max: '2s' }),
    ).toBe(
      '{ resource.service.name = "a\\"b" && name = "get" && status = error && kind = client && ."x y" = "1" && duration >= 10ms && duration <= 2s }',
    );
  });

  test('a condition is added where it belongs', () => {
    expect(withCondition('', 'status = error')).toBe('{ status = error }');
    expect(withCondition('{ name = "a" }', 'status = error')).toBe('{ name = "a" && status = error }');
    expect(withCondition('{ name = "a" || name = "b" }', 'x = 1')).toBe('{ (name = "a" || name = "b") && x = 1 }');
    expect(withCondition('{ name = "a" && status = error }', 'status = error')).toBe('{ name = "a" && status = error }');
    expect(withCondition('{ name = "a" } > { }', 'status = error')).toBe('({ name = "a" } > { }) && { status = error }');
    expect(insideOf('{ name = "}{" }')).toBe('name = "}{"');
    expect(insideOf('{ } && { }')).toBeNull();
  });

  test('fields and durations are written exactly', () => {
    expect(fieldOf('span', 'http.route')).toBe('span.http.route');
    expect(fieldOf('span', 'a b')).toBe('span."a b"');
    expect([0, 1, 1500, 2_000_000, 1_500_000, 5e9].map(durationLiteral)).toEqual(['0ns', '1ns', '1500ns', '2ms', '1500us', '5s']);
  });

  test('the cursor stands at a field or at a value', () => {
    expect(placeAt('{ spa', 5)).toEqual({ kind: 'field', word: 'spa', from: 2, to: 5 });
    expect(placeAt('{ span.a = "x', 13)).toEqual({ kind: 'value', field: 'span.a', word: 'x', from: 11, to: 13 });
    expect(placeAt('{ status = er }', 13)).toEqual({ kind: 'value', field: 'status', word: 'er', from: 11, to: 13 });
    expect(placeAt('{ a } ', 6)).toEqual({ kind: 'none' });
    expect(placeAt('', 0)).toEqual({ kind: 'none' });
  });
});
