import { isDeepStrictEqual } from 'node:util';
import type { ApiCall } from './api-transport.ts';
import type { ApiClient } from './api-client.ts';
import { ApiError, statusFailure } from './api-error.ts';
import { keptAnswer } from '../kept-answer.fixture.ts';

type Json = Record<string, unknown>;

interface Operation {
  readonly op: 'test' | 'add' | 'replace' | 'remove';
  readonly path: string;
  readonly value: unknown;
}

/**
 * Objects in memory behind the API client's interface: GET, POST, PATCH (JSON and merge) of objects and of their `status`
 * subresource, as far as Tocsin uses them. test/contract compares it with a real API server.
 */
export class FakeApiClient implements Pick<ApiClient, 'call'> {
  readonly calls: ApiCall[] = [];
  /** Runs before a call is answered: it may change the objects, or throw the error that the call rejects with. */
  before: (call: ApiCall) => void = () => undefined;
  readonly #objects = new Map<string, Json>();
  /** The version of the last change. */
  protected version = 1;

  async call<T>(call: ApiCall): Promise<T> {
    this.calls.push(call);
    await Promise.resolve();
    call.signal?.throwIfAborted();
    this.before(call);
    return keptAnswer(call, this.#answer(call)) as T;
  }

  /** Creates or replaces the object at a path, as another client would. */
  put(path: string, object: Json): void {
    const metadata = { ...(object['metadata'] as Json | undefined), resourceVersion: String(++this.version) };
    this.#objects.set(path, { ...structuredClone(object), metadata });
  }

  get(path: string): Json | undefined {
    return structuredClone(this.#objects.get(path));
  }

  paths(): readonly string[] {
    return [...this.#objects.keys()];
  }

  delete(path: string): void {
    this.#objects.delete(path);
  }

  /** `GET`, `PATCH /status`, … for each call, in order. */
  verbs(): readonly string[] {
    return this.calls.map(({ method, path }) => `${method}${path.endsWith('/status') ? ' /status' : ''}`);
  }

  #answer(call: ApiCall): Json {
    if (call.method === 'POST') return this.#create(call);
    const isStatus = call.path.endsWith('/status');
    const path = isStatus ? call.path.slice(0, -'/status'.length) : call.path;
    const object = this.#objects.get(path);
    if (object === undefined) throw failure(call, 404, 'NotFound');
    if (call.method === 'GET') return object;
    const patched = patch(call, structuredClone(object));
    const kept = isStatus ? { ...object, status: patched['status'] } : { ...patched, status: object['status'] };
    if (isDeepStrictEqual(kept, object)) return object;
    this.put(path, kept);
    return this.#objects.get(path)!;
  }

  #create(call: ApiCall): Json {
    const body = call.body as Json;
    const path = `${call.path}/${(body['metadata'] as { readonly name: string }).name}`;
    if (this.#objects.has(path)) throw failure(call, 409, 'AlreadyExists');
    this.put(path, body);
    return this.#objects.get(path)!;
  }
}

export function failure({ method, path }: ApiCall, status: number, reason: string, retryAfterMs?: number): ApiError {
  return new ApiError(`${method} ${path}: ${status} ${reason}`, { status, reason, retryAfterMs });
}

/** The 422 for a change of an object's UID, which is how a patch finds out that the object is another one. */
function immutableUid(call: ApiCall): ApiError {
  const message = `Invalid value: metadata.uid: field is immutable`;
  return statusFailure(call, 422, JSON.stringify({ kind: 'Status', reason: 'Invalid', message }), undefined);
}

/** A 403 with a message of the API server. */
export function forbidden(call: ApiCall, message: string): ApiError {
  return statusFailure(call, 403, JSON.stringify({ kind: 'Status', reason: 'Forbidden', message }), undefined);
}

/** The 403 of RBAC. */
export function withoutRight(call: ApiCall, verb: string, resource: string, group: string): ApiError {
  const user = 'User "system:serviceaccount:tocsin:tocsin"';
  const sentence = `${user} cannot ${verb} resource "${resource}" in API group "${group}" at the cluster scope`;
  return forbidden(call, `${resource}.${group} "cls" is forbidden: ${sentence}`);
}

function patch(call: ApiCall, object: Json): Json {
  if (call.contentType === 'application/json-patch+json') {
    for (const operation of call.body as readonly Operation[]) apply(call, object, operation);
    return object;
  }
  const body = call.body as { readonly metadata?: { readonly resourceVersion?: string; readonly uid?: string } };
  const expected = body.metadata?.resourceVersion;
  const { resourceVersion } = object['metadata'] as { readonly resourceVersion: string };
  if (expected !== undefined && expected !== resourceVersion) throw failure(call, 409, 'Conflict');
  const { uid } = object['metadata'] as { readonly uid?: string };
  if (body.metadata?.uid !== undefined && body.metadata.uid !== uid) throw immutableUid(call);
  return merge(object, body) as Json;
}

/** RFC 7386. */
function merge(target: unknown, change: unknown): unknown {
  if (typeof change !== 'object' || change === null || Array.isArray(change)) return change;
  const merged: Json = typeof target === 'object' && target !== null ? { ...(target as Json) } : {};
  for (const [key, value] of Object.entries(change)) {
    if (value === null) delete merged[key];
    else merged[key] = merge(merged[key], value);
  }
  return merged;
}

function remove(parent: Json, name: string): void {
  if (Array.isArray(parent)) (parent as unknown[]).splice(Number(name), 1);
  else delete parent[name];
}

function apply(call: ApiCall, object: Json, { op, path, value }: Operation): void {
  const parts = path.split('/').slice(1);
  const last = parts.pop()!;
  const parent = parts.reduce<unknown>((inner, part) => (inner as Json | undefined)?.[part], object) as
    Json | undefined;
  const isThere = parent !== undefined && last in parent;
  const failed = op === 'test' ? !isDeepStrictEqual(parent?.[last], value) : op !== 'add' && !isThere;
  if (failed || parent === undefined) throw failure(call, 422, 'Invalid');
  if (op === 'test') return;
  if (op === 'remove') return remove(parent, last);
  if (last === '-') (parent as unknown as unknown[]).push(value);
  else parent[last] = value;
}
