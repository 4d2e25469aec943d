import { eventually } from '../../src/runtime/eventually.fixture.ts';

/** The resources of a process, as V8 and Node count them. */
export interface Holdings {
  /** In bytes, after all garbage has been collected. */
  readonly heapBytes: number;
  /** What keeps the event loop alive, by kind: `TCPSocketWrap`, `Timeout` and so on. */
  readonly resources: Readonly<Record<string, number>>;
}

interface Coverage {
  readonly url: string;
  readonly functions: readonly {
    readonly functionName: string;
    readonly ranges: readonly [{ readonly count: number }];
  }[];
}

interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}

/** Asks a process that runs with `--inspect` about itself, over the Chrome DevTools protocol. */
export class Inspector {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #lastId = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => this.#answered(JSON.parse(String(data)) as Answer));
    socket.addEventListener('close', () => {
      this.#waiting.forEach(({ reject }) => reject(new Error('the process has ended')));
    });
  }

  /** @param port the port of `--inspect` */
  static async attach(port: number): Promise<Inspector> {
    const list = async (): Promise<{ webSocketDebuggerUrl: string }[]> =>
      (await (await fetch(`http://127.0.0.1:${port}/json/list`)).json()) as { webSocketDebuggerUrl: string }[];
    const [target] = await eventually(list, (targets) => targets.length > 0);
    const socket = new WebSocket(target!.webSocketDebuggerUrl);
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve);
      socket.addEventListener('error', () => reject(new Error(`nobody answers at the inspector's port ${port}`)));
    });
    return new Inspector(socket);
  }

  async holdings(): Promise<Holdings> {
    // Twice, since the second collection removes what a finalizer kept.
    for (let round = 0; round < 2; round++) await this.#call('HeapProfiler.collectGarbage');
    const { usedSize } = (await this.#call('Runtime.getHeapUsage')) as { usedSize: number };
    const expression = 'process.getActiveResourcesInfo()';
    const { result } = (await this.#call('Runtime.evaluate', { expression, returnByValue: true })) as {
      result: { value: string[] };
    };
    return { heapBytes: usedSize, resources: counted(result.value) };
  }

  /** From now on each call of a function counts; see {@link calledFunctions}. */
  async countCalls(): Promise<void> {
    await this.#call('Profiler.enable');
    await this.#call('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
  }

  /** The functions that were called since the last time, by the URL of their file. */
  async calledFunctions(): Promise<ReadonlyMap<string, readonly string[]>> {
    const { result } = (await this.#call('Profiler.takePreciseCoverage')) as { result: readonly Coverage[] };
    const files = result.map(({ url, functions }) => {
      const called = functions.filter(({ ranges: [whole] }) => whole.count > 0);
      return [url, called.map(({ functionName }) => functionName || '(nameless)')] as const;
    });
    return new Map(files.filter(([, called]) => called.length > 0));
  }

  close(): void {
    this.#socket.close();
  }

  #call(method: string, params: object = {}): Promise<unknown> {
    const id = ++this.#lastId;
    const waiting = Promise.withResolvers<unknown>();
    this.#waiting.set(id, waiting);
    this.#socket.send(JSON.stringify({ id, method, params }));
    return waiting.promise;
  }

  #answered({ id, result, error }: Answer): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) waiting?.resolve(result);
    else waiting?.reject(new Error(error.message));
  }
}

function counted(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
