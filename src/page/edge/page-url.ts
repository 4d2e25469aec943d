import { readLink, writeLink, type Link } from '../core/link.ts';

/** What the page shows, kept in its URL. */
export class PageUrl {
  #link = readLink(location.search);
  readonly #listeners = new Set<() => void>();

  constructor() {
    window.addEventListener('popstate', () => {
      this.#link = readLink(location.search);
      this.#tell();
    });
  }

  get link(): Link {
    return this.#link;
  }

  /** @param isStep true if "back" is to come back to what is shown now */
  change(change: Partial<Link>, isStep: boolean): void {
    const link = { ...this.#link, ...change };
    const url = hrefOf(link);
    if (isStep) history.pushState(null, '', url);
    else history.replaceState(null, '', url);
    this.#link = link;
    this.#tell();
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** A relative reference to the page as it is with this link. */
export function hrefOf(link: Link): string {
  return `${location.pathname}${writeLink(link)}`;
}
