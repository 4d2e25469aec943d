import { answer } from '../server/request/answer.ts';
import type { Route } from '../server/routes.ts';

interface ListedTenant {
  readonly name: string;
  /** Undefined: it is ready. */
  readonly whyNot: string | undefined;
}

/** The page of all tenants, at the root: who is there, and a way to the page of each. */
export function tenantIndex(tenants: () => readonly ListedTenant[]): Route {
  const show: Route['methods'][string] = (_, response) => {
    const items = tenants().map(({ name, whyNot }) => {
      const state = whyNot === undefined ? 'ready' : `not ready: ${whyNot}`;
      return `<li><a href="${escaped(encodeURIComponent(name))}/">${escaped(name)}</a> ${escaped(state)}</li>`;
    });
    answer(response, 200, 'text/html; charset=utf-8', pageOf(items), {
      'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
      'X-Content-Type-Options': 'nosniff',
      'Cache-Control': 'no-store',
    });
  };
  return { path: '/', methods: { GET: show, HEAD: show } };
}

function pageOf(items: readonly string[]): string {
  const list = items.length === 0 ? '<p>There is no tenant.</p>' : `<ul>\n${items.join('\n')}\n</ul>`;
  return `<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>Tocsin: tenants</title>\n<h1>Tenants</h1>\n${list}\n</html>\n`;
}

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (each) => `&#${each.charCodeAt(0)};`);
}
