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

/** What never changes while the page is open. */
export interface Actions {
  readonly tools: ActionTools;
  /** @param isStep true (the default) if "back" comes back to what is shown now */
  readonly change: (change: Partial<Link>, isStep?: boolean) => void;
  readonly open: (selection: Selection | undefined) => void;
  /** Shows a window; undefined closes it. */
  readonly show: (dialog: DialogName | undefined) => void;
  /** Has the lists asked for again, after an action. */
  readonly touch: () => void;
  readonly dismissGap: () => void;
}

export interface PageContext extends Actions {
  readonly state: State;
  readonly link: Link;
  /** The time by the clock of the server; it moves in steps. */
  readonly now: number;
}

/** Each on its own, so that a view is drawn again only for what it uses: a storm of facts leaves most rows as they are. */
export const ActionsContext = createContext<Actions | undefined>(undefined);
export const StateContext = createContext<State | undefined>(undefined);
export const LinkContext = createContext<Link | undefined>(undefined);
export const NowContext = createContext(0);

export function useActions(): Actions {
  return useContext(ActionsContext)!;
}

export function useLink(): Link {
  return useContext(LinkContext)!;
}

export function useNow(): number {
  return useContext(NowContext);
}

/** For views that use most of it. */
export function usePage(): PageContext {
  const state = useContext(StateContext)!;
  return { ...useActions(), state, link: useLink(), now: useNow() };
}
