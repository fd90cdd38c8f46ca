// A query field: coloured as it is typed, growing with its text, with completions at the cursor. The text under the glass is
// a mirror that carries the colours; the textarea above it is transparent and does the work.

import { useEffect, useId, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { applyChoice, pairBracket, type Cursor, readCursor as readQueryCursor } from '../lib/completion';
import { tokenise } from '../lib/promql';

export interface Choice {
  text: string;
  /** What is written when it is taken, if not the text; `…` marks where the cursor goes. */
  insert?: string;
  kind: string;
  detail?: string;
}

export interface Offer {
  cursor: Cursor;
  choices: Choice[];
}

export interface CodeInputProps {
  value: string;
  onInput: (text: string) => void;
  onRun: (text: string) => void;
  complete: (text: string, at: number) => Promise<Offer>;
  /** Reads where the cursor stands; PromQL's and LogQL's way unless told. */
  readCursor?: (text: string, at: number) => Cursor;
  label: string;
  placeholder: string;
  search?: boolean;
  invalid?: boolean;
  testId?: string;
}

/** Where a character of the mirror stands, relative to the mirror. */
function positionOf(mirror: HTMLElement, offset: number): { left: number; top: number } {
  const walker = document.createTreeWalker(mirror, NodeFilter.SHOW_TEXT);
  let rest = offset;
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const length = node.textContent?.length ?? 0;
    if (rest <= length) {
      const range = document.createRange();
      range.setStart(node, rest);
      range.setEnd(node, rest);
      const at = range.getClientRects()[0] ?? range.getBoundingClientRect();
      const box = mirror.getBoundingClientRect();
      return { left: Math.max(0, at.left - box.left), top: at.bottom - box.top };
    }
    rest -= length;
  }
  return { left: 0, top: mirror.clientHeight };
}

export function CodeInput(props: CodeInputProps) {
  const { value, onInput, onRun, complete, readCursor = readQueryCursor } = props;
  const area = useRef<HTMLTextAreaElement>(null);
  const mirror = useRef<HTMLPreElement>(null);
  const list = useRef<HTMLUListElement>(null);
  const id = useId();
  const [offer, setOffer] = useState<(Offer & { left: number; top: number }) | null>(null);
  const [at, setAt] = useState(0);
  const asked = useRef(0);
  const caret = useRef<number | null>(null);

  useLayoutEffect(() => {
    if (caret.current === null || !area.current) return;
    area.current.setSelectionRange(caret.current, caret.current);
    caret.current = null;
  }, [value]);

  useEffect(() => {
    list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' });
  }, [at, offer]);

  const close = () => {
    asked.current++;
    setOffer(null);
  };
  const ask = async (text: string, position: number, forced: boolean) => {
    const turn = ++asked.current;
    let found: Offer;
    try {
      found = await complete(text, position);
    } catch {
      return; // Completion is a help; the query itself will say what is wrong.
    }
    if (turn !== asked.current || !mirror.current) return;
    const { cursor, choices } = found;
    const finished = choices.length === 1 && choices[0]?.text === cursor.word;
    const wanted = forced || cursor.word.length > 0 || cursor.place.kind.startsWith('label') || cursor.place.kind === 'grouping';
    if (choices.length === 0 || finished || !wanted) {
      setOffer(null);
      return;
    }
    setAt(0);
    setOffer({ ...found, ...positionOf(mirror.current, cursor.from) });
  };
  const take = (choice: Choice) => {
    if (!offer || !area.current) return;
    // The offer may be older than the last key: what gives way is the word at the caret now.
    const { value: text, selectionStart } = area.current;
    const cursor = readCursor(text, selectionStart);
    if (cursor.place.kind !== offer.cursor.place.kind) {
      void ask(text, selectionStart, true);
      return;
    }
    const next = applyChoice(text, cursor, choice.insert ?? choice.text);
    caret.current = next.at;
    onInput(next.text);
    close();
    area.current?.focus();
    // After a label's name its values are the next question.
    if (choice.insert?.includes('="…"')) requestAnimationFrame(() => void ask(next.text, next.at, true));
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const area = event.currentTarget as HTMLTextAreaElement;
    const paired = pairBracket(event.key, area.value, area.selectionStart, area.selectionEnd);
    if (paired && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      caret.current = paired.at;
      if (paired.text === area.value) area.setSelectionRange(paired.at, paired.at);
      else onInput(paired.text);
      requestAnimationFrame(() => void ask(paired.text, paired.at, false));
      return;
    }
    if (event.key === ' ' && event.ctrlKey) {
      event.preventDefault();
      void ask(area.value, area.selectionStart, true);
      return;
    }
    if (offer) {
      const n = offer.choices.length;
      const move = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[event.key];
      const choice = offer.choices[at];
      if (move !== undefined) {
        event.preventDefault();
        setAt(Math.abs(move) === 1 ? (at + move + n) % n : Math.min(n - 1, Math.max(0, at + move)));
        return;
      }
      if (event.key === 'Escape') {
        event.preventDefault();
        event.stopPropagation();
        close();
        return;
      }
      if ((event.key === 'Enter' || event.key === 'Tab') && choice && !event.shiftKey && choice.text !== offer.cursor.word) {
        event.preventDefault();
        take(choice);
        return;
      }
    }
    if (event.key === 'Enter' && !event.shiftKey) {
      event.preventDefault();
      close();
      onRun(area.value);
    }
  };

  return (
    <div class="code-input" data-invalid={props.invalid ? '' : undefined}>
      <pre class="code-mirror" ref={mirror} aria-hidden="true">
        {tokenise(value).map((token) => (
          <span key={token.start} class={`t-${token.kind}`}>
            {token.text}
          </span>
        ))}
        {'\n'}
      </pre>
      <textarea
        ref={area}
        class="code-area"
        rows={1}
        value={value}
        placeholder={props.placeholder}
        aria-label={props.label}
        aria-invalid={props.invalid}
        aria-autocomplete="list"
        aria-haspopup="listbox"
        aria-controls={offer ? `${id}-list` : undefined}
        aria-activedescendant={offer ? `${id}-${at}` : undefined}
        spellcheck={false}
        autocomplete="off"
        data-search={props.search ? '' : undefined}
        data-testid={props.testId}
        onInput={(event) => {
          const { value: text, selectionStart } = event.currentTarget;
          onInput(text);
          void ask(text, selectionStart, false);
        }}
        onKeyDown={onKeyDown}
        onBlur={close}
        onClick={close}
      />
      {offer && (
        <ul
          ref={list}
          id={`${id}-list`}
          class="choices popover"
          role="listbox"
          aria-label="Completions"
          style={{ left: `${offer.left}px`, top: `${offer.top + 6}px` }}
        >
          {offer.choices.map((choice, i) => (
            <li
              key={choice.kind + choice.text}
              id={`${id}-${i}`}
              role="option"
              aria-selected={i === at}
              onPointerDown={(event) => {
                event.preventDefault();
                take(choice);
              }}
            >
              <span class={`choice-kind kind-${choice.kind}`}>{choice.kind}</span>
              <span class="choice-text">{choice.text}</span>
              {choice.detail && <span class="choice-detail clip">{choice.detail}</span>}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
