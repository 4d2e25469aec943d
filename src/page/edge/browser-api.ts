import { ApiFailure, describeFailure, type Api } from '../core/api-port.ts';

/** How long an answer may take, milliseconds. */
const answerMs = 20_000;

/** A proxy that nobody has logged in to sends its own page, or to it. */
const wantsLogin = 'The answer is not from Tocsin: a proxy in front of it may want a login. Reload the page.';

/** Asks the Tocsin that served the page. */
export class BrowserApi implements Api {
  /** The server's clock less the browser's, milliseconds: the times in answers are the server's. */
  #ahead = 0;

  /** The time by the clock of the server, as far as it is known. */
  now(): number {
    return Date.now() + this.#ahead;
  }

  get<Answer>(path: string): Promise<Answer> {
    return this.#ask(path, {});
  }

  send<Answer>(
    method: 'POST' | 'DELETE',
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    const json = { 'Content-Type': 'application/json' };
    return this.#ask(path, { method, body: JSON.stringify(body ?? {}), headers: { ...json, ...headers } });
  }

  async #ask<Answer>(path: string, init: RequestInit): Promise<Answer> {
    let response: Response;
    let text: string;
    try {
      const options: RequestInit = { cache: 'no-store', credentials: 'same-origin', redirect: 'manual' };
      response = await fetch(urlOf(path), { ...options, ...init, signal: AbortSignal.timeout(answerMs) });
      text = await response.text();
    } catch (error) {
      const isLate = error instanceof DOMException && error.name === 'TimeoutError';
      throw new ApiFailure(isLate ? `Tocsin gave no answer within ${answerMs / 1000} s.` : 'Tocsin cannot be reached.');
    }
    if (response.type === 'opaqueredirect') throw new ApiFailure(wantsLogin);
    this.#setClock(response.headers.get('date'));
    if (!response.ok) throw new ApiFailure(describeFailure(response.status, text), response.status);
    try {
      return (text === '' ? undefined : JSON.parse(text)) as Answer;
    } catch {
      throw new ApiFailure(wantsLogin);
    }
  }

  /** The header has whole seconds, so a small difference means nothing. */
  #setClock(date: string | null): void {
    const ahead = Date.parse(date ?? '') - Date.now();
    if (Number.isNaN(ahead)) return;
    this.#ahead = Math.abs(ahead) > 2000 ? ahead : 0;
  }
}

/** Relative to the page, so that a route prefix works; without a password that stands in the page's URL, which fetch refuses. */
export function urlOf(path: string): string {
  return new URL(path, `${location.origin}${location.pathname}`).href;
}
