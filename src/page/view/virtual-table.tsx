import type { ComponentChildren, JSX, RefObject } from 'preact';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { List } from '../core/link.ts';
import { isSameSelection, type Selection } from '../core/selection.ts';
import { useActions, useLink } from './context.ts';
import { useRowHeight } from './row-height.ts';

interface VirtualTableProps<Item> {
  readonly label: string;
  readonly columns: readonly string[];
  readonly items: readonly Item[];
  /** Says how high a row is; all are as high. */
  readonly list: List;
  readonly keyOf: (item: Item) => string;
  /** The cells, each with `role="cell"`. One link in them has the given `tabIndex`. It is the same function always: a row is drawn again only for another item. */
  readonly row: (item: Item, tabIndex: number) => ComponentChildren;
  readonly classOf?: (item: Item) => string;
  /** What a row opens in the panel. */
  readonly selectionOf: (item: Item) => Selection | undefined;
}

/** Rows beyond the edges of the window, so that a fast scroll shows no hole. */
const spareRows = 8;

interface Window {
  readonly first: number;
  readonly last: number;
}

/** A table that has only those rows in the document that can be seen. The page scrolls; j, k and the arrows go from row to row. */
export function VirtualTable<Item>(props: VirtualTableProps<Item>): JSX.Element {
  const { label, columns, items } = props;
  const rowHeight = useRowHeight(props.list);
  const body = useRef<HTMLDivElement>(null);
  const shown = useWindow(body, items.length, rowHeight);
  const [focused, focus] = useRowFocus(body, items.length, rowHeight);
  const indexes = range(shown.first, Math.min(shown.last, items.length));
  if (focused < items.length && !indexes.includes(focused)) indexes.push(focused);
  return (
    <div role="table" class="table" aria-label={label} aria-rowcount={items.length + 1} aria-colcount={columns.length}>
      <div role="rowgroup" class="table-head">
        <div role="row" aria-rowindex={1} class="row">
          {columns.map((column) => (
            <span role="columnheader" key={column}>
              {column}
            </span>
          ))}
        </div>
      </div>
      <div role="rowgroup" class="table-body" ref={body} style={{ height: `${items.length * rowHeight}px` }}>
        {indexes.map((index) => (
          <Row key={props.keyOf(items[index]!)} {...{ props, index, focus, rowHeight }} isFocused={index === focused} />
        ))}
      </div>
    </div>
  );
}

interface RowProps<Item> {
  readonly props: VirtualTableProps<Item>;
  readonly index: number;
  readonly rowHeight: number;
  readonly isFocused: boolean;
  readonly focus: (index: number) => void;
}

function Row<Item>({ props, index, rowHeight, isFocused, focus }: RowProps<Item>): JSX.Element {
  const { row, classOf, selectionOf } = props;
  const [{ selected }, { open }] = [useLink(), useActions()];
  const item = props.items[index]!;
  const opens = selectionOf(item);
  const isCurrent = selected !== undefined && isSameSelection(selected, opens);
  const tabIndex = isFocused ? 0 : -1;
  const cells = useMemo(() => row(item, tabIndex), [row, item, tabIndex]);
  return (
    <div
      role="row"
      aria-rowindex={index + 2}
      data-index={index}
      class={`row ${classOf?.(item) ?? ''} ${isCurrent ? 'is-open' : ''}`}
      style={{ height: `${rowHeight}px`, transform: `translateY(${index * rowHeight}px)` }}
      onClick={() => {
        // Whoever marks a text wants to copy it.
        if (opens !== undefined && getSelection()?.isCollapsed !== false) open(opens);
      }}
      onFocusIn={() => focus(index)}
    >
      {cells}
    </div>
  );
}

function range(first: number, last: number): number[] {
  return Array.from({ length: Math.max(0, last - first) }, (_, index) => first + index);
}

/** The rows that can be seen, found anew once a frame while the page scrolls. */
function useWindow(body: RefObject<HTMLDivElement | null>, count: number, rowHeight: number): Window {
  const [shown, setShown] = useState<Window>({ first: 0, last: 40 });
  useLayoutEffect(() => {
    let planned = 0;
    const measure = (): void => {
      planned = 0;
      if (body.current === null) return;
      const top = -body.current.getBoundingClientRect().top;
      const first = Math.max(0, Math.floor(top / rowHeight) - spareRows);
      const last = Math.max(0, Math.ceil((top + window.innerHeight) / rowHeight) + spareRows);
      setShown((old) => (old.first === first && old.last === last ? old : { first, last }));
    };
    const plan = (): void => {
      if (planned === 0) planned = requestAnimationFrame(measure);
    };
    measure();
    window.addEventListener('scroll', plan, { passive: true });
    window.addEventListener('resize', plan);
    return () => {
      cancelAnimationFrame(planned);
      window.removeEventListener('scroll', plan);
      window.removeEventListener('resize', plan);
    };
  }, [body, count, rowHeight]);
  return shown;
}

const steps: Readonly<Record<string, number>> = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 };

/** Which row the Tab key enters, and how keys move it. */
function useRowFocus(
  body: RefObject<HTMLDivElement | null>,
  count: number,
  rowHeight: number,
): [number, (index: number) => void] {
  const [focused, setFocused] = useState(0);
  const wanted = useRef<number | undefined>(undefined);
  const current = Math.min(focused, Math.max(0, count - 1));
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const step = stepOf(event, body.current);
      if (step === undefined || count === 0) return;
      event.preventDefault();
      const isInside = body.current!.contains(document.activeElement);
      const next = isInside ? Math.min(count - 1, Math.max(0, current + step)) : current;
      wanted.current = next;
      setFocused(next);
      focusWanted(body.current, wanted, rowHeight);
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, [body, count, current, rowHeight]);
  useLayoutEffect(() => focusWanted(body.current, wanted, rowHeight));
  return [current, setFocused];
}

function stepOf(event: KeyboardEvent, body: HTMLElement | null): number | undefined {
  const step = steps[event.key];
  if (step === undefined || body === null || event.ctrlKey || event.metaKey || event.altKey) return undefined;
  const active = document.activeElement;
  if (document.querySelector('dialog[open]') !== null) return undefined;
  if (active !== null && /^(?:INPUT|SELECT|TEXTAREA)$/.test(active.tagName)) return undefined;
  // Arrows scroll, unless a row has the focus; j and k begin anywhere.
  return event.key.length > 1 && !body.contains(active) ? undefined : step;
}

function focusWanted(body: HTMLElement | null, wanted: { current: number | undefined }, rowHeight: number): void {
  const index = wanted.current;
  const link = body?.querySelector<HTMLElement>(`[data-index="${index}"] a`);
  if (index === undefined || body === null || link === null || link === undefined) return;
  wanted.current = undefined;
  link.focus({ preventScroll: true });
  const top = body.getBoundingClientRect().top + index * rowHeight;
  const header = 120;
  if (top < header) window.scrollBy({ top: top - header });
  else if (top + rowHeight > window.innerHeight) window.scrollBy({ top: top + rowHeight - window.innerHeight + 8 });
}
