import { Readable } from 'node:stream';
import type { ApiCall } from '../api/api-transport.ts';
import { ApiError } from '../api/api-error.ts';
import { keptAnswer } from '../kept-answer.fixture.ts';
import type { ApiObject } from '../api-object.ts';

interface HistoryEntry {
  readonly version: number;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: ApiObject;
}

/** What the next calls of a kind do instead of answering. */
export type Fault = 'unreachable' | '500' | '410' | '404' | 'error event' | 'garbage' | 'ends at once' | 'half a line';

/** An in-memory API server that does what a test wants: it lists by pages, watches, forgets and fails. Every group has one collection. */
export class ModelApiServer {
  installed = true;
  /** Both versions have the same objects, like the versions of a CRD. */
  served: readonly ('v1' | 'v2')[] = ['v1'];
  readonly objects = new Map<string, ApiObject>();
  readonly calls: ApiCall[] = [];
  readonly listFaults: Fault[] = [];
  readonly watchFaults: Fault[] = [];
  readonly streams = new Set<Readable>();
  #version = 10;
  #compacted = 0;
  #history: HistoryEntry[] = [];
  readonly #pages = new Map<string, { readonly version: number; readonly rest: readonly ApiObject[] }>();

  call = <T>(call: ApiCall): Promise<T> => {
    this.calls.push(call);
    const answer = async (): Promise<unknown> =>
      keptAnswer(call, call.path.endsWith('/widgets') ? this.#list(call) : this.#discovery(call.path));
    return answer() as Promise<T>;
  };

  open = async (call: ApiCall): Promise<Readable> => {
    this.calls.push(call);
    const fault = this.watchFaults.shift();
    if (fault === 'unreachable' || fault === '500' || fault === '410' || fault === '404') throw failure(fault);
    if (!this.#has(call.path)) throw failure('404');
    const from = Number(call.query?.['resourceVersion']);
    if (from < this.#compacted) throw failure('410');
    const stream = new Readable({ read: () => undefined });
    call.signal?.addEventListener('abort', () => stream.destroy(new Error('aborted')));
    stream.on('close', () => this.streams.delete(stream));
    this.streams.add(stream);
    for (const entry of this.#history) if (entry.version > from) push(stream, entry.type, entry.object);
    this.#spoil(stream, fault);
    return stream;
  };

  close = (): Promise<void> => Promise.resolve();

  /** Creates, changes (spec or only status) or deletes an object, as a user would with kubectl. */
  put(name: string, change: 'spec' | 'status'): void {
    if (!this.installed) return;
    const old = this.objects.get(name);
    const generation = (old?.metadata.generation ?? 0) + (old === undefined || change === 'spec' ? 1 : 0);
    const uid = old?.metadata.uid ?? `uid-${this.#version + 1}`;
    const version = ++this.#version;
    const object = { metadata: { name, uid, generation, resourceVersion: String(version) }, spec: { 'ä€😀': name } };
    this.objects.set(name, object);
    this.#record({ version, type: old === undefined ? 'ADDED' : 'MODIFIED', object });
  }

  delete(name: string): void {
    const old = this.objects.get(name);
    if (old === undefined) return;
    this.objects.delete(name);
    const version = ++this.#version;
    this.#record({ version, type: 'DELETED', object: withVersion(old, version) });
  }

  /** Versions advance without this collection, as on a real API server. */
  bookmark(): void {
    const metadata = { resourceVersion: String(++this.#version) };
    for (const stream of this.streams) push(stream, 'BOOKMARK', { metadata });
  }

  /** Forgets all history: a watch from an earlier version gets a 410, and so do the remaining pages of lists. */
  compact(): void {
    this.#compacted = ++this.#version;
    this.#history = [];
    this.#pages.clear();
  }

  /** Ends all watches: in good order, or in the middle of an event. */
  endWatches(how: 'end' | 'reset' | 'half a line'): void {
    for (const stream of this.streams) {
      if (how === 'end') this.#end(stream);
      else if (how === 'reset') stream.destroy(new Error('ECONNRESET'));
      else this.#breakOff(stream);
    }
  }

  uninstall(): void {
    for (const name of this.objects.keys()) this.delete(name);
    this.installed = false;
    this.endWatches('end');
    // From now on it is another collection, with its own history.
    this.compact();
  }

  #record(entry: HistoryEntry): void {
    this.#history.push(entry);
    for (const stream of this.streams) push(stream, entry.type, entry.object);
  }

  #spoil(stream: Readable, fault: Fault | undefined): void {
    if (fault === 'error event') push(stream, 'ERROR', { code: 410, reason: 'Expired', message: 'too old' });
    if (fault === 'garbage') stream.push('{"no event"\n');
    if (fault === 'half a line') this.#breakOff(stream);
    if (fault === 'ends at once') this.#end(stream);
  }

  #breakOff(stream: Readable): void {
    stream.push('{"type":"DELETED","object":{"metadata":{"na');
    this.#end(stream);
  }

  #end(stream: Readable): void {
    this.streams.delete(stream);
    stream.push(null);
  }

  #discovery(path: string): object {
    if (this.listFaults[0] === 'unreachable') throw failure(this.listFaults.shift() ?? 'unreachable');
    if (!this.installed || !this.served.some((version) => path.endsWith(`/${version}`))) throw failure('404');
    return { resources: [{ name: 'widgets', kind: 'Widget', namespaced: false }] };
  }

  #has(path: string): boolean {
    return this.installed && this.served.some((version) => path.endsWith(`/${version}/widgets`));
  }

  #list({ path, query }: ApiCall): object {
    const fault = this.listFaults.shift();
    if (fault !== undefined) throw failure(fault);
    if (!this.#has(path)) throw failure('404');
    const token = query?.['continue'] as string | undefined;
    const page =
      token === undefined ? { version: this.#version, rest: [...this.objects.values()] } : this.#pages.get(token);
    if (page === undefined) throw failure('410');
    const limit = Number(query?.['limit']);
    const metadata: Record<string, string> = { resourceVersion: String(page.version) };
    if (page.rest.length > limit) {
      metadata['continue'] = `${page.version}-${page.rest.length}`;
      this.#pages.set(metadata['continue'], { version: page.version, rest: page.rest.slice(limit) });
    }
    return { metadata, items: page.rest.slice(0, limit) };
  }
}

export const collectionPath = '/apis/example.org/v1/widgets';
export const widgets = { group: 'example.org', versions: ['v2', 'v1'], resource: 'widgets' };

function failure(fault: Fault): ApiError {
  switch (fault) {
    case 'unreachable':
      return new ApiError('refused', { reason: 'Unreachable' });
    case '500':
      return new ApiError('500', { status: 500, reason: 'InternalError' });
    case '410':
      return new ApiError('410', { status: 410, reason: 'Expired' });
    case '404':
      return new ApiError('404', { status: 404, reason: 'NotFound' });
    default:
      return new ApiError('cut', { reason: 'Truncated' });
  }
}

/** Pushes pieces that split lines and characters. */
function push(stream: Readable, type: string, object: object): void {
  const bytes = Buffer.from(`${JSON.stringify({ type, object })}\n`);
  for (let at = 0; at < bytes.length; at += 7) stream.push(bytes.subarray(at, at + 7));
}

function withVersion(object: ApiObject, version: number): ApiObject {
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
}
