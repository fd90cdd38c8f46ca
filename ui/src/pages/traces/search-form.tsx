// The search form. What is typed becomes the URL when the form is sent; choices from a list at once.

import { useEffect, useState } from 'preact/hooks';
import * as jaeger from '../../api/jaeger';
import { setParams, usePlace } from '../../app/router';
import { refreshNow } from '../../app/time';
import { Icon } from '../../components/icons';
import { fromForm } from '../../lib/trace-expression';
import { durationFieldError, parseTags, withTag } from '../../lib/trace-search';
import { useLoad } from '../../lib/use-load';

export interface Search {
  service: string;
  operation: string;
  tags: string;
  min: string;
  max: string;
  limit: string;
}

export function useSearch(): Search {
  const { params } = usePlace();
  const get = (name: string) => params.get(name) ?? '';
  return {
    service: get('service'),
    operation: get('operation'),
    tags: get('tags'),
    min: get('min'),
    max: get('max'),
    limit: get('limit') || DEFAULT_LIMIT,
  };
}

export const DEFAULT_LIMIT = '100';
const LIMITS = ['20', '50', '100', '200', '500', '1000'];

export function SearchForm({ service, services, search }: { service: string; services: string[]; search: Search }) {
  const operations = useLoad(service || null, `operations ${service}`, (signal) => jaeger.operations(service, signal));
  const [tags, setTags] = useState(search.tags);
  const [min, setMin] = useState(search.min);
  const [max, setMax] = useState(search.max);
  useEffect(() => {
    setTags(search.tags);
    setMin(search.min);
    setMax(search.max);
  }, [search.tags, search.min, search.max]);

  const parsed = parseTags(tags);
  const tagsError = 'error' in parsed ? parsed.error : null;
  const minError = durationFieldError(min);
  const maxError = durationFieldError(max);
  const submit = (event: Event) => {
    event.preventDefault();
    if (tagsError || minError || maxError) return;
    setParams({ tags, min, max });
    refreshNow();
  };
  const onlyErrors = 'tags' in parsed && parsed.tags['error'] === 'true';
  const toggleErrors = () => {
    if (!('tags' in parsed)) return;
    if (onlyErrors) {
      const rest = Object.entries(parsed.tags).filter(([k]) => k !== 'error');
      setParams({ tags: rest.reduce((text, [k, v]) => withTag(text, k, v), ''), min, max });
    } else setParams({ tags: withTag(tags, 'error', 'true'), min, max });
  };
  const withCurrent = (list: string[], current: string) => (current && !list.includes(current) ? [current, ...list] : list);

  return (
    <form class="search-form" role="search" aria-label="Search traces" onSubmit={submit}>
      <label class="field">
        <span>Service</span>
        <select
          class="select"
          name="service"
          value={service}
          onChange={(e) => setParams({ service: e.currentTarget.value, operation: null })}
        >
          {withCurrent(services, service).map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label class="field">
        <span>Operation</span>
        <select
          class="select"
          name="operation"
          value={search.operation}
          onChange={(e) => setParams({ operation: e.currentTarget.value })}
        >
          <option value="">all operations</option>
          {withCurrent(operations.data ?? [], search.operation).map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label class="field field-wide">
        <span>Attributes</span>
        <input
          class="input mono"
          name="tags"
          data-search
          placeholder='function=slow/v1 http.status_code=500 note="two words"'
          value={tags}
          aria-invalid={tagsError !== null}
          spellcheck={false}
          onInput={(e) => setTags(e.currentTarget.value)}
        />
      </label>
      <label class="field field-short">
        <span>At least</span>
        <input
          class="input mono"
          name="min"
          placeholder="10ms"
          value={min}
          aria-invalid={minError !== null}
          onInput={(e) => setMin(e.currentTarget.value.trim())}
        />
      </label>
      <label class="field field-short">
        <span>At most</span>
        <input
          class="input mono"
          name="max"
          placeholder="2s"
          value={max}
          aria-invalid={maxError !== null}
          onInput={(e) => setMax(e.currentTarget.value.trim())}
        />
      </label>
      <label class="field field-short">
        <span>Limit</span>
        <select
          class="select"
          name="limit"
          value={search.limit}
          onChange={(e) => setParams({ limit: e.currentTarget.value === DEFAULT_LIMIT ? null : e.currentTarget.value })}
        >
          {withCurrent(LIMITS, search.limit).map((n) => (
            <option key={n}>{n}</option>
          ))}
        </select>
      </label>
      <button type="button" class="button" aria-pressed={onlyErrors} onClick={toggleErrors}>
        Errors only
      </button>
      <button type="submit" class="button button-main">
        <Icon name="search" size={14} /> Search
      </button>
      <button
        type="button"
        class="button button-bare"
        title="Search by an expression: any attribute, groups, comparison"
        onClick={() => {
          const known = 'tags' in parsed ? parsed.tags : {};
          const q = fromForm({ service, operation: search.operation, tags: known, min: minError ? '' : min, max: maxError ? '' : max });
          setParams({ q, service: null, operation: null, tags: null, min: null, max: null, limit: null });
        }}
      >
        As expression
      </button>
      {(tagsError || minError || maxError) && (
        <p class="field-error" role="alert">
          {tagsError ?? (minError ? `At least: ${minError}` : `At most: ${maxError}`)}
        </p>
      )}
    </form>
  );
}
