import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { ActionTools } from '../core/actions.ts';
import type { Link } from '../core/link.ts';
import type { Selection } from '../core/selection.ts';
import type { State } from '../core/state.ts';

/** A window in front of the page. */
export type DialogName =
  | { readonly of: 'silence'; readonly labels: Readonly<Record<string, string>> }
  | { readonly of: 'reconcile' }
  | { readonly of: 'test' }
  | { readonly of: 'help' };

/** What every view may use. */
export interface PageContext {
  readonly state: State;
  readonly link: Link;
  /** The time by the clock of the server; it moves in steps. */
  readonly now: number;
  readonly tools: ActionTools;
  /** @param isStep true (the default) if "back" comes back to what is shown now */
  readonly change: (change: Partial<Link>, isStep?: boolean) => void;
  readonly open: (selection: Selection | undefined) => void;
  /** Shows a window; undefined closes it. */
  readonly show: (dialog: DialogName | undefined) => void;
  /** Has the lists asked for again, after an action. */
  readonly touch: () => void;
}

export const Context = createContext<PageContext | undefined>(undefined);

export function usePage(): PageContext {
  return useContext(Context)!;
}
