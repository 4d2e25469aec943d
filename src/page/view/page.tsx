import { render, type JSX } from 'preact';
import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { ActionTools } from '../core/actions.ts';
import type { Link } from '../core/link.ts';
import { pause, every } from '../edge/timer.ts';
import type { PageSession } from '../edge/page-session.ts';
import {
  ActionsContext,
  LinkContext,
  NowContext,
  StateContext,
  type Actions,
  type DialogName,
  type PageContext,
} from './context.ts';
import { Dialog } from './dialogs.tsx';
import { Main } from './main-part.tsx';
import { Panel } from './panel.tsx';
import { useMedia } from './row-height.ts';

/** How often "3 min ago" is looked at again, milliseconds. */
const clockMs = 5000;
/** As in page.css: below this width the panel covers the page. */
const coversQuery = '(max-width: 1099px)';

export function renderPage(session: PageSession, place: HTMLElement): void {
  render(<Page session={session} />, place);
}

function Page({ session }: { readonly session: PageSession }): JSX.Element {
  const [dialog, show] = useState<DialogName>();
  const { state, link, now } = useSession(session);
  const actions = useActionsOf(session, show);
  useKeys(session, actions.open);
  useReadyMark(state.pipelines.isReady || state.pipelines.failure !== undefined);
  const covers = useMedia(coversQuery);
  const { selected } = link;
  return (
    <ActionsContext.Provider value={actions}>
      <StateContext.Provider value={state}>
        <LinkContext.Provider value={link}>
          <NowContext.Provider value={now}>
            <div class={selected === undefined ? 'page' : 'page has-panel'}>
              <div class="under-panel" inert={selected !== undefined && covers}>
                <Main />
              </div>
              {selected !== undefined && <Panel selected={selected} />}
            </div>
            {dialog !== undefined && <Dialog dialog={dialog} />}
          </NowContext.Provider>
        </LinkContext.Provider>
      </StateContext.Provider>
    </ActionsContext.Provider>
  );
}

function useActionsOf(session: PageSession, show: Actions['show']): Actions {
  const open = useOpen(session);
  return useMemo(
    () => ({
      tools: toolsOf(session),
      open: (selection) => {
        show(undefined);
        open(selection);
      },
      show,
      change: (change, isStep = true) => session.url.change(change, isStep),
      touch: () => session.touch(),
      dismissGap: () => session.store.dispatch({ type: 'gap seen' }),
    }),
    [session, open, show],
  );
}

function toolsOf({ api }: PageSession): ActionTools {
  return { api, now: () => api.now(), pause, newId };
}

function newId(): string {
  return crypto.getRandomValues(new Uint32Array(1))[0]!.toString(16).padStart(8, '0');
}

/** Draws again when the store, the URL or the clock moves. */
function useSession(session: PageSession): {
  readonly state: PageContext['state'];
  readonly link: Link;
  readonly now: number;
} {
  const [now, setNow] = useState(() => session.api.now());
  const [, draw] = useState(0);
  useEffect(() => {
    const redraw = (): void => draw((count) => count + 1);
    const ends = [
      session.store.subscribe(redraw),
      session.url.subscribe(redraw),
      every(clockMs, () => {
        if (!document.hidden) setNow(session.api.now());
      }),
    ];
    return () => ends.forEach((end) => end());
  }, [session]);
  return { state: session.store.state, link: session.url.link, now };
}

/** Says to tests, and to whoever measures, that the first view is there. */
function useReadyMark(isReady: boolean): void {
  useEffect(() => {
    if (!isReady) return;
    requestAnimationFrame(() => {
      performance.mark('tocsin:first-view');
      document.documentElement.dataset['ready'] = 'true';
    });
  }, [isReady]);
}

/** Opens something in the panel, and remembers where the focus was. */
function useOpen(session: PageSession): Actions['open'] {
  const before = useRef<HTMLElement | undefined>(undefined);
  return useCallback(
    (selection) => {
      const isOpening = session.url.link.selected === undefined && selection !== undefined;
      if (isOpening && document.activeElement instanceof HTMLElement) before.current = document.activeElement;
      session.url.change({ selected: selection }, true);
      if (selection === undefined) requestAnimationFrame(() => before.current?.focus({ preventScroll: true }));
    },
    [session],
  );
}

function useKeys(session: PageSession, open: Actions['open']): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.defaultPrevented || document.querySelector('dialog[open]') !== null) return;
      const isTyping = /^(?:INPUT|SELECT|TEXTAREA)$/.test(document.activeElement?.tagName ?? '');
      if (event.key === 'Escape' && session.url.link.selected !== undefined) open(undefined);
      else if (event.key === '/' && !isTyping) {
        event.preventDefault();
        document.querySelector<HTMLElement>('[data-filter="name"]')?.focus();
      }
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, [session, open]);
}
