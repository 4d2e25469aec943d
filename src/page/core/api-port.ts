import type { Failure } from './state.ts';

/** How the page asks Tocsin. Both reject with {@link ApiFailure} alone. */
export interface Api {
  /** @param path relative to the page, such as `api/tocsin/v1/pipelines` */
  get<Answer>(path: string): Promise<Answer>;
  send<Answer>(
    method: 'POST' | 'DELETE',
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Answer>;
}

export class ApiFailure extends Error implements Failure {
  override readonly name = 'ApiFailure';
  readonly status: number | undefined;

  constructor(message: string, status?: number) {
    super(message);
    this.status = status;
  }
}

export const ownApi = 'api/tocsin/v1';

/** A path with a query; a parameter that is undefined is left out, and a list gives one for each item. */
export function pathOf(
  path: string,
  query: Readonly<Record<string, string | number | readonly string[] | undefined>> = {},
): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue;
    for (const each of Array.isArray(value) ? (value as readonly string[]) : [String(value)])
      parameters.append(name, each);
  }
  return parameters.size === 0 ? path : `${path}?${parameters.toString()}`;
}

/** What the words of an answer mean for the person in front of the page. */
export function describeFailure(status: number, body: string): string {
  if (status === 401) return 'Tocsin wants a password or a token: reload the page to give it.';
  const said = messageOf(body);
  if (status === 403) return `Tocsin refuses this to you${said === '' ? '.' : `: ${said}`}`;
  if (status === 429) return 'Tocsin is asked too often (rate_limit): it is tried again.';
  if (status === 503) return `Tocsin is starting or ending, or is busy${said === '' ? '.' : `: ${said}`}`;
  return said === '' ? `Tocsin answered with the status ${status}.` : `Tocsin answered: ${said}`;
}

/** Errors are `{code, message}`, or a text in JSON as Alertmanager's. */
function messageOf(body: string): string {
  try {
    const read: unknown = JSON.parse(body);
    if (typeof read === 'string') return read;
    const { message } = read as { readonly message?: unknown };
    return typeof message === 'string' ? message : '';
  } catch {
    return body.startsWith('<') ? '' : body.trim().slice(0, 300);
  }
}

export function failureOf(error: unknown): Failure {
  if (error instanceof ApiFailure) return { status: error.status, message: error.message };
  return { message: error instanceof Error ? error.message : String(error) };
}
