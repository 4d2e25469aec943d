import {
  Allowance,
  elementSelection,
  listOf,
  memberSelection,
  setMember,
  spendMember,
  type SelectedList,
  type Selection,
} from './json-selection.ts';

/**
 * What is selected of a text that is short, by JSON.parse; as {@link readSelected}. Undefined if the text has to be read without
 * it: it is no JSON, or a name in it may be wrong. In Node 22 to 26 JSON.parse can take a member name that is written with an escape
 * for another one that it has seen before; the wrong name always holds a backslash (nodejs/node issue 63785).
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

/** Not deeper than the selection, except where it is `whole`. */
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
    list.take(element, allowance);
  }
  return [];
}
