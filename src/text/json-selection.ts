import type { JsonReader } from './json-reader.ts';
import type { Sliced } from '../runtime/slices.ts';

/**
 * The parts of a JSON value that are kept. Nothing is built of the rest.
 *
 * - `scalar`: a string, number, boolean or null; for an object or array only its kind, as `{}` or `[]`.
 * - `presence`: true for anything but null.
 * - `whole`: all of it.
 * - `members`: these members of an object. If a name is given twice, the last one counts.
 * - `everyMember`, `everyElement`: each member of an object, each element of an array.
 * - `list`: the elements of an array, which are handed over one by one and not kept.
 *
 * A value of another kind than expected is treated as with `scalar`.
 */
export type Selection =
  | 'scalar'
  | 'presence'
  | 'whole'
  | { readonly members: Readonly<Record<string, Selection>> }
  | { readonly everyMember: Selection }
  | { readonly everyElement: Selection }
  | { readonly list: SelectedList };

export interface SelectedList {
  readonly element: Selection;
  /** The limit on one element, bytes; see {@link Allowance}. */
  readonly elementBytes: number;
  /** An array begins. A second one under the same name replaces the first. */
  begin(): void;
  /** @param allowance of the element: if it is spent, the element is incomplete */
  accept(element: unknown, allowance: Allowance): void;
}

/** The cost of an object or array, and of one member or element without its texts; bytes, on the high side. */
const containerBytes = 64;
const entryBytes = 64;
/** The cost of a string's header, rounding and reference, bytes. */
const stringBytes = 32;
const characterBytes = 2;

/**
 * The number of bytes that may be kept, estimated on the high side. When it is spent, nothing more is kept, but the text is still
 * read to its end.
 */
export class Allowance {
  readonly bytes: number;
  #left: number;

  constructor(bytes: number) {
    this.bytes = bytes;
    this.#left = bytes;
  }

  get used(): number {
    return this.bytes - this.#left;
  }

  get isSpent(): boolean {
    return this.#left < 0;
  }

  /** The longest string that fits, characters. */
  get characters(): number {
    return Math.max(0, this.#left / characterBytes);
  }

  /** For an object or an array. Like the other methods, it returns false if the allowance does not cover it. */
  spendContainer(): boolean {
    return this.#spend(containerBytes);
  }

  spendEntry(): boolean {
    return this.#spend(entryBytes);
  }

  spendString(text: string): boolean {
    return this.#spend(stringBytes + characterBytes * text.length);
  }

  #spend(bytes: number): boolean {
    this.#left -= bytes;
    return !this.isSpent;
  }
}

/** Reads the next value and gives the selected parts of it. */
export function* readSelected(reader: JsonReader, selection: Selection, allowance: Allowance): Sliced<unknown> {
  yield* reader.start();
  const kind = reader.peek();
  if (selection === 'presence') {
    yield* reader.skip();
    return kind === 'null' ? null : true;
  }
  if (kind === 'object') return yield* readObject(reader, selection, allowance);
  if (kind === 'array') return yield* readArray(reader, selection, allowance);
  if (kind !== 'string') return yield* reader.scalar();
  const text = yield* reader.string(allowance.characters);
  return allowance.spendString(text) ? text : '';
}

function* readObject(reader: JsonReader, selection: Selection, allowance: Allowance): Sliced<unknown> {
  const selectionOf = memberSelection(selection);
  if (selectionOf === undefined || !allowance.spendContainer()) {
    yield* reader.skip();
    return {};
  }
  const object: Record<string, unknown> = {};
  for (let more = yield* reader.nextMember(true); more; more = yield* reader.nextMember(false)) {
    const name = yield* reader.name(allowance.characters);
    const selected = selectionOf(name);
    if (selected === undefined || !spendMember(name, selection, allowance)) yield* reader.skip();
    else setMember(object, name, yield* readSelected(reader, selected, allowance));
  }
  return object;
}

function* readArray(reader: JsonReader, selection: Selection, allowance: Allowance): Sliced<unknown> {
  const list = listOf(selection);
  if (list !== undefined) return yield* readList(reader, list);
  const element = elementSelection(selection);
  if (element === undefined || !allowance.spendContainer()) {
    yield* reader.skip();
    return [];
  }
  const array: unknown[] = [];
  for (let more = yield* reader.nextElement(true); more; more = yield* reader.nextElement(false)) {
    if (allowance.spendEntry()) array.push(yield* readSelected(reader, element, allowance));
    else yield* reader.skip();
  }
  return array;
}

function* readList(reader: JsonReader, list: SelectedList): Sliced<unknown> {
  list.begin();
  for (let more = yield* reader.nextElement(true); more; more = yield* reader.nextElement(false)) {
    const allowance = new Allowance(list.elementBytes);
    const element = yield* readSelected(reader, list.element, allowance);
    list.accept(element, allowance);
  }
  return [];
}

/** Undefined if the selection needs no member. */
function memberSelection(selection: Selection): ((name: string) => Selection | undefined) | undefined {
  if (selection === 'whole') return () => selection;
  if (typeof selection !== 'object') return undefined;
  if ('everyMember' in selection) return () => selection.everyMember;
  if (!('members' in selection)) return undefined;
  const { members } = selection;
  return (name) => (Object.hasOwn(members, name) ? members[name] : undefined);
}

/** Undefined if the selection needs no element. */
function elementSelection(selection: Selection): Selection | undefined {
  if (selection === 'whole') return selection;
  return typeof selection === 'object' && 'everyElement' in selection ? selection.everyElement : undefined;
}

function listOf(selection: Selection): SelectedList | undefined {
  return typeof selection === 'object' && 'list' in selection ? selection.list : undefined;
}

/** False if there is no room for it. The names in a selection are in memory already and cost nothing. */
function spendMember(name: string, selection: Selection, allowance: Allowance): boolean {
  const isKnown = typeof selection === 'object' && 'members' in selection;
  return allowance.spendEntry() && (isKnown || allowance.spendString(name));
}

/** Sets a member even if its name is `__proto__`. */
function setMember(object: Record<string, unknown>, name: string, value: unknown): void {
  if (name !== '__proto__') object[name] = value;
  else Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
}

/**
 * Selects from a short text with JSON.parse; otherwise like {@link readSelected}. Undefined if the text needs the other way: it
 * is not JSON, or a name in it may be wrong. In Node 22 to 26 JSON.parse can mistake an escaped member name for another one that
 * it has seen before; such a wrong name always has a backslash (nodejs/node issue 63785).
 */
export function selectOf(
  text: string,
  selection: Selection,
  allowance: Allowance,
): { readonly value: unknown } | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return undefined;
  }
  try {
    return { value: select(parsed, selection, allowance) };
  } catch (error) {
    if (error instanceof SuspectNameError) return undefined;
    throw error;
  }
}

class SuspectNameError extends Error {}

/** Goes only as deep as the selection, except where that is `whole`. */
function select(value: unknown, selection: Selection, allowance: Allowance): unknown {
  if (selection === 'presence') return value === null ? null : true;
  if (Array.isArray(value)) return selectArray(value, selection, allowance);
  if (typeof value === 'object' && value !== null) return selectObject(value, selection, allowance);
  if (typeof value !== 'string') return value;
  return allowance.spendString(value) ? value.toWellFormed() : '';
}

function selectObject(found: object, selection: Selection, allowance: Allowance): object {
  const selectionOf = memberSelection(selection);
  const object: Record<string, unknown> = {};
  if (selectionOf === undefined || !allowance.spendContainer()) return object;
  for (const [name, value] of Object.entries(found)) {
    if (name.includes('\\')) throw new SuspectNameError();
    const selected = selectionOf(name);
    if (selected === undefined || !spendMember(name, selection, allowance)) continue;
    setMember(object, name.toWellFormed(), select(value, selected, allowance));
  }
  return object;
}

function selectArray(found: readonly unknown[], selection: Selection, allowance: Allowance): readonly unknown[] {
  const list = listOf(selection);
  if (list !== undefined) return selectList(found, list);
  const element = elementSelection(selection);
  const array: unknown[] = [];
  if (element === undefined || !allowance.spendContainer()) return array;
  for (const value of found) if (allowance.spendEntry()) array.push(select(value, element, allowance));
  return array;
}

function selectList(found: readonly unknown[], list: SelectedList): readonly unknown[] {
  list.begin();
  for (const value of found) {
    const allowance = new Allowance(list.elementBytes);
    const element = select(value, list.element, allowance);
    list.accept(element, allowance);
  }
  return [];
}
