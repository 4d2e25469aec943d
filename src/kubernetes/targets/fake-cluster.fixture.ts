import { Readable } from 'node:stream';
import type { TestContext } from 'node:test';
import { Registry } from 'prom-client';
import { FakeClock } from '../../runtime/clock.fixture.ts';
import { RecordingLogger } from '../../runtime/logger.fixture.ts';
import { UrgentSignals } from '../../runtime/deadline.ts';
import { SliceSchedule } from '../../runtime/slices.ts';
import type { ObjectChange } from '../../trigger/ports.ts';
import { requestKey } from '../../reconcile/ports.ts';
import type { ApiCall } from '../api/api-transport.ts';
import { failure, FakeApiClient, withoutRight } from '../api/fake-api-client.fixture.ts';
import { keptAnswer } from '../kept-answer.fixture.ts';
import { ObjectMemory } from '../kept-object.ts';
import { createReflectorMetrics } from '../watch/reflector-report.ts';
import { ObjectWriter } from '../write/object-writer.ts';
import { KubernetesTargets } from './kubernetes-targets.ts';

interface ServedKind {
  readonly resource: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly status: boolean;
}

type Json = Record<string, unknown>;

/** A cluster in memory: it serves kinds that come and go, lists and watches their objects, and refuses what a test denies. */
export class FakeCluster extends FakeApiClient {
  /** `VERB RESOURCE[.GROUP]`, as in `list deployments.apps`; followed by ` in NAMESPACE` or ` everywhere`, only there. */
  readonly denied = new Set<string>();
  /** While it is set, watches tell nothing, and what happened then is lost to them. */
  isMute = false;
  readonly #kinds = new Map<string, ServedKind[]>();
  /** The version at which each resource was installed. */
  readonly #installedAt = new Map<string, number>();
  readonly #streams = new Map<Readable, string>();
  #history: { readonly version: number; readonly path: string; readonly line: string }[] = [];
  #uid = 0;

  install(apiVersion: string, kind: string, resource: string, options: Partial<ServedKind> = {}): void {
    const served = { kind, resource, namespaced: true, status: true, ...options };
    this.#kinds.set(apiVersion, [...(this.#kinds.get(apiVersion) ?? []), served]);
    this.#installedAt.set(resource, ++this.version);
  }

  /** With all objects of the kind. */
  uninstall(apiVersion: string, kind: string): void {
    const kinds = this.#kinds.get(apiVersion) ?? [];
    const { resource = '' } = kinds.find((each) => each.kind === kind) ?? {};
    this.#kinds.set(
      apiVersion,
      kinds.filter((each) => each.kind !== kind),
    );
    for (const path of this.paths()) if (path.includes(`/${resource}/`)) super.delete(path);
    // A kind that is installed again is another collection, with its own history: a watch from before it has expired.
    this.#history = this.#history.filter(({ path }) => !path.includes(`/${resource}/`));
    for (const [stream, path] of this.#streams) if (path.endsWith(`/${resource}`)) stream.push(null);
  }

  /** The paths of the running watches. */
  get watches(): readonly string[] {
    return [...this.#streams.values()].toSorted();
  }

  /** Ends all watches, so that the next ones are asked for. */
  endWatches(): void {
    for (const stream of this.#streams.keys()) stream.push(null);
  }

  override put(path: string, object: Json): void {
    const old = this.get(path)?.['metadata'] as Json | undefined;
    const given = (object['metadata'] ?? {}) as Json;
    const name = path.slice(path.lastIndexOf('/') + 1);
    const namespace = /\/namespaces\/([^/]+)\//.exec(path)?.[1];
    const uid = given['uid'] ?? old?.['uid'] ?? `uid-${++this.#uid}`;
    const metadata = { ...given, name, ...(namespace !== undefined && { namespace }), uid };
    super.put(path, { ...object, metadata });
    const now = this.get(path)!;
    this.#push(path, old === undefined ? 'ADDED' : 'MODIFIED', now);
  }

  override delete(path: string): void {
    const old = this.get(path);
    super.delete(path);
    if (old !== undefined) this.#push(path, 'DELETED', old);
  }

  override async call<T>(call: ApiCall): Promise<T> {
    const isDiscovery = /^\/(?:api\/[^/]+|apis\/[^/]+\/[^/]+)$/.test(call.path);
    if (!isDiscovery && call.query?.['limit'] === undefined) return super.call(call);
    this.calls.push(call);
    await Promise.resolve();
    call.signal?.throwIfAborted();
    this.before(call);
    return keptAnswer(call, isDiscovery ? this.#discovery(call) : this.#list(call)) as T;
  }

  open = async (call: ApiCall): Promise<Readable> => {
    this.calls.push(call);
    await Promise.resolve();
    this.before(call);
    const resource = this.#mustBeServed(call);
    const from = Number(call.query?.['resourceVersion']);
    if (from < (this.#installedAt.get(resource) ?? 0)) throw failure(call, 410, 'Expired');
    const stream = new Readable({ read: () => undefined });
    this.#streams.set(stream, call.path);
    stream.on('close', () => this.#streams.delete(stream));
    call.signal?.addEventListener('abort', () => stream.destroy(new Error('aborted')));
    for (const { version, path, line } of this.#history) {
      if (version > from && isIn(call.path, path)) stream.push(line);
    }
    return stream;
  };

  override before = (call: ApiCall): void => {
    const [verb, resource, group, namespace] = rightOf(call);
    if (resource === '') return;
    const right = `${verb} ${resource}${group === '' ? '' : `.${group}`}`;
    const where = namespace === undefined ? 'everywhere' : `in ${namespace}`;
    if (this.denied.has(right) || this.denied.has(`${right} ${where}`)) throw withoutRight(call, verb, resource, group);
  };

  #push(path: string, type: 'ADDED' | 'MODIFIED' | 'DELETED', object: Json): void {
    if (type === 'DELETED') this.version++;
    if (this.isMute) return;
    const metadata = { ...(object['metadata'] as Json), resourceVersion: String(this.version) };
    const line = `${JSON.stringify({ type, object: { ...object, metadata } })}\n`;
    this.#history.push({ version: this.version, path, line });
    for (const [stream, watched] of this.#streams) if (isIn(watched, path)) stream.push(line);
  }

  #discovery(call: ApiCall): object {
    const kinds = this.#kinds.get(call.path.replace(/^\/apis?\//, ''));
    if (kinds === undefined) throw failure(call, 404, 'NotFound');
    const resources = kinds.flatMap(({ resource, kind, namespaced, status }) => [
      { name: `${resource}/scale`, kind: 'Scale', namespaced },
      ...(status ? [{ name: `${resource}/status`, kind, namespaced }] : []),
      { name: resource, kind, namespaced },
    ]);
    return { resources };
  }

  #mustBeServed(call: ApiCall): string {
    const resource = call.path.slice(call.path.lastIndexOf('/') + 1);
    const isServed = [...this.#kinds.values()].flat().some((kind) => kind.resource === resource);
    if (!isServed) throw failure(call, 404, 'NotFound');
    return resource;
  }

  #list(call: ApiCall): object {
    this.#mustBeServed(call);
    const items = this.paths().filter((path) => isIn(call.path, path));
    return { metadata: { resourceVersion: String(this.version) }, items: items.map((path) => this.get(path)) };
  }
}

/** True if the object is one of the collection, which may be that of all namespaces. */
function isIn(collection: string, path: string): boolean {
  const own = path.slice(0, path.lastIndexOf('/'));
  return own === collection || own.replace(/\/namespaces\/[^/]+/, '') === collection;
}

function rightOf({ method, path, query }: ApiCall): readonly [string, string, string, string | undefined] {
  const [root, ...parts] = path.split('/').slice(1);
  const group = root === 'apis' ? (parts.shift() ?? '') : '';
  parts.shift();
  const namespace = parts[0] === 'namespaces' ? parts.splice(0, 2)[1] : undefined;
  const [resource = '', name, subresource] = parts;
  const full = subresource === undefined ? resource : `${resource}/${subresource}`;
  const reads = name === undefined ? (query?.['watch'] === true ? 'watch' : 'list') : 'get';
  return [method === 'GET' ? reads : method.toLowerCase(), full, group, namespace];
}

/** The targets of a fake cluster, with a clock that stands still. */
export function targetsBench(t: TestContext, options: { readonly maxBytes?: number } = {}) {
  const [cluster, clock, logger, registry] = [
    new FakeCluster(),
    new FakeClock(),
    new RecordingLogger(),
    new Registry(),
  ];
  const writer = new ObjectWriter({ client: cluster, clock, logger, registry });
  const urgent = new UrgentSignals();
  const targets = new KubernetesTargets({
    client: cluster,
    clock,
    logger,
    registry,
    schedule: new SliceSchedule(clock),
    metrics: createReflectorMetrics(registry),
    writer,
    urgent,
    memory: new ObjectMemory(options.maxBytes),
    random: () => 0.5,
  });
  const changes: string[] = [];
  const told: ObjectChange[] = [];
  const onChange = (change: ObjectChange): void => {
    told.push(change);
    if (change.request !== undefined) changes.push(`${change.kind} ${requestKey(change.request)}`);
  };
  targets.onChange(onChange);
  t.after(() => targets.close());
  return { cluster, clock, logger, registry, targets, urgent, changes, told };
}
