import type { TocsinProcess } from './tocsin-process.ts';

/** Calls to the API server by method; a list or a watch is a GET. */
export interface ApiCalls {
  readonly GET: number;
  readonly PATCH: number;
  readonly POST: number;
}

/**
 * How many calls to the API server the process has made so far, by its own metrics. A 404 is not counted: a kind that is not installed
 * is looked for again from time to time.
 */
export async function apiCalls({ url }: TocsinProcess): Promise<ApiCalls> {
  const page = await (await fetch(`${url}/metrics`)).text();
  const of = (method: string): number =>
    [...page.matchAll(new RegExp(`^rest_client_requests_total\\{method="${method}",code="(?!404").*\\} (\\d+)$`, 'gm'))]
      .map(([, calls]) => Number(calls))
      .reduce((sum, calls) => sum + calls, 0);
  return { GET: of('GET'), PATCH: of('PATCH'), POST: of('POST') };
}
