import { Counter, type Registry } from 'prom-client';
import type { Condition, ConditionChange } from '../../reconcile/ports.ts';
import { TerminalError } from '../../reconcile/errors.ts';
import type { ApiClient } from '../api/api-client.ts';
import { ApiError } from '../api/api-error.ts';
import { asApiObject, keptConditions, keptObject } from '../kept-object.ts';
import type { ApiObject } from '../api-object.ts';
import type { Doubts } from './own-writes.ts';
import type { WriteFailures } from './write-failures.ts';

/** How often a condition is written again because of a conflicting write; then the queue's back-off takes over. */
const maxWriteConflicts = 5;

interface ConditionWriterOptions {
  readonly client: Pick<ApiClient, 'call'>;
  readonly failures: WriteFailures;
  readonly doubts: Doubts;
  /** A condition has to be written again because of a conflicting write. */
  readonly conflicted: () => void;
}

const manifest = 'k8s/base/cluster-role-writer.yaml';

/**
 * Writes conditions into the `status` subresource without losing or moving those of others, whoever else writes at the same moment.
 * Kubernetes has three ways for this, of which the writer uses the JSON patch with `test`:
 *
 * - Server-side apply replaces the list as a whole and takes it from its other owners, since the CRD gives the list no map
 *   keys: the conditions of others would be lost.
 * - An update with `resourceVersion` loses nothing, but any other write to the object, even of a label, makes the server refuse ours,
 *   which costs a read and another try. It would also have to read first what the cache trims.
 * - A JSON patch tests and replaces only our own entry, in one call, from the cache's knowledge. Only a write that moves or changes
 *   our entry conflicts with it.
 */
export class ConditionWriter {
  readonly #options: ConditionWriterOptions;

  constructor(options: ConditionWriterOptions) {
    this.#options = options;
  }

  /**
   * Writes the conditions that `change` returns, in one call if the target knows the present ones. After a conflict they are read, and
   * `change` is called again, up to {@link maxWriteConflicts} times.
   * @returns the object as it is now; undefined if there was nothing to write or the object is gone
   * Rejects with the error that {@link WriteFailures.explain} makes of the server's answer, with the signal's reason, or with a
   * TerminalError if the object has no place for conditions.
   */
  async write(target: WriteTarget, change: ConditionChange, signal: AbortSignal): Promise<ApiObject | undefined> {
    try {
      return await this.#attempts(target, change, signal);
    } catch (error) {
      const resource = resourceOf(target, '/status');
      throw this.#options.failures.explain(error, { verb: 'patch', resource, manifest }, target.path);
    }
  }

  async #attempts(target: WriteTarget, change: ConditionChange, signal: AbortSignal): Promise<ApiObject | undefined> {
    const { known } = target;
    let base = known ?? (await this.#read(target, signal));
    for (let conflicts = 0; base !== undefined; conflicts++) {
      const conditions = change(base.conditions);
      if (conditions === undefined) return undefined;
      try {
        return await this.#patch(target, base, conditions, signal);
      } catch (error) {
        const isMissing = isNotFound(error);
        if (!isMissing && (!isConflict(error) || conflicts === maxWriteConflicts)) throw error;
        const isRead = base !== known;
        const latest = await this.#read(target, signal);
        if (latest === undefined) return undefined;
        if (isNotFound(error)) throw withoutStatus(target, error);
        // Nobody wrote in between, so this is not a failed test: the server considers our conditions invalid.
        if (isRead && latest.resourceVersion === base.resourceVersion) throw error;
        this.#options.conflicted();
        base = latest;
      }
    }
    return undefined;
  }

  /** Undefined if the object is gone. */
  async #read(target: WriteTarget, signal: AbortSignal): Promise<KnownConditions | undefined> {
    const { path, uid, resourceVersion = '' } = target;
    const { doubts } = this.#options;
    const call = { method: 'GET', path, keep: keptConditions, signal } as const;
    const answer = await this.#options.client.call<object | undefined>(call).catch(ifNotFound);
    if (answer === undefined) doubts.end(path);
    if (answer === undefined) return undefined;
    const object = asApiObject(answer, `GET ${path}`);
    const { metadata, status } = object;
    doubts.read({ path, resourceVersion }, metadata.resourceVersion ?? '');
    if (uid !== undefined && metadata.uid !== uid) return undefined;
    const conditions = status?.conditions ?? [];
    if (isConditions(conditions)) return { conditions, resourceVersion: metadata.resourceVersion ?? '' };
    throw new TerminalError(`${path}: status.conditions is not a list of conditions, and stays as it is`);
  }

  async #patch(
    { path, uid, resourceVersion = '' }: WriteTarget,
    base: KnownConditions,
    conditions: readonly Condition[],
    signal: AbortSignal,
  ): Promise<ApiObject> {
    const patch = conditionPatch(base, conditions, uid);
    const call = { method: 'PATCH', path: `${path}/status`, keep: keptObject, signal, ...patch } as const;
    const { client, doubts } = this.#options;
    try {
      const written = asApiObject(await client.call(call), `PATCH ${path}/status`);
      doubts.written({ path, resourceVersion }, written.metadata.resourceVersion ?? '');
      return written;
    } catch (error) {
      if (mayBeDone(error)) doubts.add(path);
      throw error;
    }
  }
}

/** A failed `test` of a JSON patch is a 422, and so is a value that the CRD's schema refuses. */
function isConflict(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 409 || error.status === 422);
}

/** True unless the API server says that it is none that it has done. */
function mayBeDone(error: unknown): boolean {
  const status = error instanceof ApiError ? error.status : undefined;
  return status === undefined || status < 400 || status >= 500;
}

function isNotFound(error: unknown): error is ApiError {
  return error instanceof ApiError && error.status === 404;
}

function ifNotFound(error: unknown): undefined {
  if (!isNotFound(error)) throw error;
}

/** The API server's answer to a PATCH of an object's status is the same whether the object or the subresource is missing. */
function withoutStatus(target: WriteTarget, cause: ApiError): TerminalError {
  const seen = `${target.path} is there, but of its status the API server says "${cause.message}"`;
  const message = `${seen}: ${resourceOf(target)} has no status subresource, so that no condition can be written: its CRD has to name one`;
  return new TerminalError(message, { cause });
}

/** If a CRD has no schema, the value can be anything. */
function isConditions(found: unknown): found is readonly Condition[] {
  return Array.isArray(found) && found.every((entry) => typeof entry === 'object' && entry !== null);
}

/** An object's conditions as they were read, and the version of the object. */
interface KnownConditions {
  readonly conditions: readonly Condition[];
  readonly resourceVersion: string;
}

/** The body of a PATCH of the `status` subresource, and its media type. */
interface StatusPatch {
  readonly contentType: 'application/json-patch+json' | 'application/merge-patch+json';
  readonly body: unknown;
}

/**
 * The smallest patch that turns the known conditions into the wanted ones, and that the API server refuses if the known conditions are
 * outdated: a JSON patch whose `test` fails is a 422, a merge patch with an old resource version a 409.
 *
 * - One entry differs, as for every write but the first: only that entry is tested and replaced. Whoever writes other
 *   conditions at the same moment does not conflict, and neither write waits for the other.
 * - One entry is new: a patch cannot test that the type is absent, so the whole object has to be the version that was read.
 * - There was no condition, and perhaps no status: a merge patch creates both.
 * - One entry is removed: only that entry is tested and removed.
 * - Several entries are removed: the whole list is tested and replaced.
 *
 * A patch that does not name the version tests the UID, so that it cannot hit a successor of the same name.
 */
export function conditionPatch(known: KnownConditions, conditions: readonly Condition[], uid?: string): StatusPatch {
  const { conditions: before, resourceVersion } = known;
  const removed = removedIndex(before, conditions);
  if (removed !== undefined) return removing(`/status/conditions/${removed}`, before[removed], uid);
  if (before.length === 0) return mergePatch({ metadata: { resourceVersion }, status: { conditions } });
  const differing = conditions.filter((condition, index) => condition !== before[index]);
  const [condition] = differing;
  if (condition !== undefined && differing.length === 1) {
    const index = conditions.indexOf(condition);
    if (conditions.length === before.length)
      return replacing(`/status/conditions/${index}`, before[index], condition, uid);
    if (index === before.length) return appending(resourceVersion, condition);
  }
  return replacing('/status/conditions', before, conditions, uid);
}

/** The index of the only entry that is missing afterwards; undefined if that is not the only difference. */
function removedIndex(before: readonly Condition[], after: readonly Condition[]): number | undefined {
  if (after.length !== before.length - 1) return undefined;
  const index = before.findIndex((condition, at) => condition !== after[at]);
  return before.toSpliced(index, 1).every((condition, at) => condition === after[at]) ? index : undefined;
}

function removing(path: string, before: unknown, uid: string | undefined): StatusPatch {
  return jsonPatch(...sameObject(uid), { op: 'test', path, value: before }, { op: 'remove', path });
}

function replacing(path: string, before: unknown, value: unknown, uid: string | undefined): StatusPatch {
  return jsonPatch(...sameObject(uid), { op: 'test', path, value: before }, { op: 'replace', path, value });
}

function sameObject(uid: string | undefined): readonly object[] {
  return uid === undefined ? [] : [{ op: 'test', path: '/metadata/uid', value: uid }];
}

function appending(resourceVersion: string, value: Condition): StatusPatch {
  return jsonPatch(
    { op: 'test', path: '/metadata/resourceVersion', value: resourceVersion },
    { op: 'add', path: '/status/conditions/-', value },
  );
}

function jsonPatch(...body: readonly object[]): StatusPatch {
  return { contentType: 'application/json-patch+json', body };
}

function mergePatch(body: object): StatusPatch {
  return { contentType: 'application/merge-patch+json', body };
}

/** An object to write to. */
export interface WriteTarget {
  /** `/apis/GROUP/VERSION/[namespaces/NAMESPACE/]RESOURCE/NAME`, its parts encoded. */
  readonly path: string;
  /** The UID of the intended object, so that a successor of the same name is not written to; without it any object will do. */
  readonly uid?: string;
  /** Of the cache's object. Default: it is not watched. */
  readonly resourceVersion?: string;
  /** The cache's knowledge of its conditions; without it they are read first. */
  readonly known?: KnownConditions;
}

/** `tracepipelines.telemetry.kyma-project.io`, or with `/status` after the plural, as RBAC and kubectl name it. */
export function resourceOf({ path }: WriteTarget, subresource: '' | '/status' = ''): string {
  const [api, group = '', ...rest] = path.split('/').slice(1);
  const plural = rest.at(-2) ?? '';
  return api === 'apis' ? `${plural}${subresource}.${group}` : `${plural}${subresource}`;
}

/** Returns the function that counts a conflict. */
export function createConflictMetric(registry: Registry): () => void {
  const conflicts = new Counter({
    registers: [registry],
    name: 'tocsin_condition_write_conflicts_total',
    help: 'Writes of a condition that were made again because somebody else wrote in between.',
  });
  return () => conflicts.inc();
}
