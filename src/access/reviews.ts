/**
 * What Kubernetes says about people and programs: who sends a token, and what they may do. The resources are virtual: a Role names
 * `alerts` and `silences` of `tocsin.dev` in the namespace of the alerts, where no object of them is. A Silence is an object only in the
 * namespace of Tocsin.
 */

/** The API group of the virtual resources. */
export const accessGroup = 'tocsin.dev';

/** Somebody whose token Kubernetes knows. */
export interface Caller {
  readonly user: string;
  readonly uid: string;
  readonly groups: readonly string[];
  readonly extra: Readonly<Record<string, readonly string[]>>;
}

export type Verb = 'get' | 'create' | 'delete';
export type AccessResource = 'alerts' | 'silences' | 'alerttriggers';

/** One question: may somebody do this to a resource in a namespace, or in all of them, or to a path that is no resource? */
export type AccessQuestion =
  | {
      readonly verb: Verb;
      readonly resource: AccessResource;
      /** Undefined: in every namespace. */
      readonly namespace: string | undefined;
    }
  | { readonly verb: string; readonly path: string };

/** The part of Kubernetes that judges tokens and rights. */
export interface Reviews {
  /**
   * Who sends this token; undefined if Kubernetes does not know it, or if it is for none of the audiences. No audiences: the token
   * has to be one for the API server. Rejects with ReviewError if nobody can tell.
   */
  reviewToken(token: string, audiences: readonly string[]): Promise<Caller | undefined>;
  /** Rejects with ReviewError if nobody can tell. */
  mayDo(caller: Caller, question: AccessQuestion): Promise<boolean>;
}

/** Kubernetes could not be asked, so nobody is let in. The message is for the log; it holds no token. */
export class ReviewError extends Error {
  override readonly name = 'ReviewError';
}

/** The name of a namespace; every other text is none, and nobody is asked about it. */
export function isNamespaceName(text: string): boolean {
  return /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(text);
}
