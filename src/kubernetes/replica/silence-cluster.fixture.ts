import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { isDeepStrictEqual } from 'node:util';
import type { FakeClock } from '../../runtime/clock.fixture.ts';
import type { ApiCall } from '../api/api-transport.ts';
import { failure, FakeApiClient } from '../api/fake-api-client.fixture.ts';
import { silencesPath } from './silence-object.ts';

type Json = Record<string, unknown>;
type Metadata = { readonly name: string; readonly uid?: string; readonly generation?: number };

const collection = silencesPath('tocsin');

/** The Silence objects of a cluster in memory, with list and watch, for several replicas at once. */
export class SilenceCluster extends FakeApiClient {
  readonly #clock: FakeClock;
  readonly #streams = new Set<Readable>();
  readonly #told: { readonly version: number; readonly line: string }[] = [];

  constructor(clock: FakeClock) {
    super();
    this.#clock = clock;
  }

  override async call<T>(call: ApiCall): Promise<T> {
    if (call.path === '/apis/tocsin.dev/v1alpha1') return super.call({ ...call, method: 'GET', path: '/discovery' });
    if (call.method === 'GET' && call.path === collection) {
      const metadata = { resourceVersion: String(this.version) };
      const items = this.paths().flatMap((path) => (path.startsWith(collection) ? [this.get(path)] : []));
      this.put('/list', { metadata, items }, false);
      return super.call({ ...call, path: '/list' });
    }
    if (call.method !== 'DELETE') return super.call(call);
    this.calls.push(call);
    await Promise.resolve();
    this.before(call);
    const metadata = this.get(call.path)?.['metadata'];
    const { uid, resourceVersion } = (call.body as { readonly preconditions: Json }).preconditions;
    if (metadata === undefined) throw failure(call, 404, 'NotFound');
    const found = metadata as Json;
    if (found['uid'] !== uid || found['resourceVersion'] !== resourceVersion) throw failure(call, 409, 'Conflict');
    this.delete(call.path);
    return undefined as T;
  }

  open = async ({ query, signal }: ApiCall): Promise<Readable> => {
    const stream = new Readable({ read: () => undefined });
    signal?.addEventListener('abort', () => stream.destroy(new Error('aborted')));
    stream.on('close', () => this.#streams.delete(stream));
    this.#streams.add(stream);
    for (const { version, line } of this.#told) if (version > Number(query?.['resourceVersion'])) stream.push(line);
    return stream;
  };

  override put(path: string, object: Json, isTold = true): void {
    if (!isTold) return super.put(path, object);
    const before = this.get(path);
    const known = before?.['metadata'] as Metadata | undefined;
    const isChanged = !isDeepStrictEqual(before?.['spec'], object['spec']);
    const time = new Date(this.#clock.now()).toISOString().replace(/\.\d+/, '');
    const metadata = {
      uid: known?.uid ?? randomUUID(),
      creationTimestamp: time,
      ...(object['metadata'] as Json),
      generation: (known?.generation ?? 0) + Number(isChanged),
      managedFields: isChanged ? [{ time }] : (known as Json | undefined)?.['managedFields'],
    };
    super.put(path, { ...object, metadata });
    this.#tell(before === undefined ? 'ADDED' : 'MODIFIED', this.get(path)!);
  }

  override delete(path: string): void {
    const object = this.get(path);
    super.delete(path);
    if (object === undefined) return;
    const metadata = { ...(object['metadata'] as Json), resourceVersion: String(++this.version) };
    this.#tell('DELETED', { ...object, metadata });
  }

  /** As kubectl would. */
  apply(name: string, spec: object): void {
    const found = this.get(`${collection}/${name}`);
    const metadata = { name, namespace: 'tocsin', ...(found?.['metadata'] as Json | undefined) };
    const whole = { matchers: ['job="node"'], createdBy: 'ann', comment: 'c', ...spec };
    this.put(`${collection}/${name}`, { ...found, metadata, spec: whole });
  }

  remove(name: string): void {
    this.delete(`${collection}/${name}`);
  }

  silence(name: string): Json | undefined {
    return this.get(`${collection}/${name}`);
  }

  names(): readonly string[] {
    return this.paths().flatMap((path) => (path.startsWith(collection) ? [path.slice(collection.length + 1)] : []));
  }

  #tell(type: string, object: Json): void {
    const line = `${JSON.stringify({ type, object })}\n`;
    this.#told.push({ version: this.version, line });
    for (const stream of this.#streams) stream.push(line);
  }
}

/** What discovery answers. */
export const silenceDiscovery = {
  metadata: { name: 'x' },
  resources: [{ name: 'silences', kind: 'Silence', namespaced: true }],
};
