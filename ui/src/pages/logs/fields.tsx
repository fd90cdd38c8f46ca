// The fields of the lines at hand with their most frequent values; a click narrows the query.

import { useState } from 'preact/hooks';
import { Icon } from '../../components/icons';
import { count } from '../../lib/format';
import { orderFields, type FieldSummary } from '../../lib/log-volume';
import type { FilterOp } from '../../lib/logql';

const OPEN_AT_FIRST = ['service_name', 'level', 'target'];

export interface FieldsProps {
  fields: FieldSummary[];
  lines: number;
  filter: (field: string, op: FilterOp, value: string) => void;
}

export function Fields({ fields, lines, filter }: FieldsProps) {
  const [toggled, setToggled] = useState<ReadonlySet<string>>(new Set());
  const toggle = (name: string) => {
    const next = new Set(toggled);
    if (!next.delete(name)) next.add(name);
    setToggled(next);
  };
  return (
    <aside class="fields" aria-label="Fields">
      {orderFields(fields, lines).map((field) => {
        const open = OPEN_AT_FIRST.includes(field.name) !== toggled.has(field.name);
        return (
          <section key={field.name}>
            <button type="button" class="field-head" aria-expanded={open} onClick={() => toggle(field.name)}>
              <Icon name="chevron" size={10} class={open ? 'turned' : ''} />
              <span class="clip">{field.name}</span>
              <span class="quiet">{field.distinct}</span>
            </button>
            {open && (
              <ul>
                {field.top.map(({ value, lines: n }) => (
                  <li key={value}>
                    <button
                      type="button"
                      class="field-value"
                      title={`${value}\nOnly lines with this value`}
                      data-testid={`field-${field.name}`}
                      onClick={() => filter(field.name, '=', value)}
                    >
                      <i style={{ width: `${(n / Math.max(1, lines)) * 100}%` }} />
                      <span class="clip">{value || '(empty)'}</span>
                      <span class="quiet">{count(n)}</span>
                    </button>
                    <button
                      type="button"
                      class="field-not"
                      aria-label={`Without ${field.name} ${value}`}
                      title="Without this value"
                      onClick={() => filter(field.name, '!=', value)}
                    >
                      <Icon name="unequal" size={11} />
                    </button>
                  </li>
                ))}
                {field.distinct > field.top.length && <li class="quiet field-more">{field.distinct - field.top.length} more</li>}
              </ul>
            )}
          </section>
        );
      })}
    </aside>
  );
}
