import type { Worker } from 'node:worker_threads';
import type { CancelTimer, Clock } from '../runtime/clock.ts';
import { workerFile } from '../runtime/worker-file.ts';
import {
  brokenManifest,
  joinManifests,
  parsePipelineManifest,
  type ManifestKind,
  type PipelineManifest,
} from './pipeline-manifest.ts';

/**
 * A manifest up to this size, in UTF-16 code units, is parsed at once: that takes 50 ms at worst. A larger manifest, or one with
 * anchors, goes to a thread.
 */
const shortManifestLength = 16 * 1024;

/** Limits of that thread: its memory, in MiB, and its time for one document, in milliseconds. */
const manifestHeapMiB = 192;
const manifestDeadlineMs = 10_000;

/** Reads the pipelines of one file of manifests. Never rejects. */
export type ParseManifest = (text: string, file: string) => Promise<PipelineManifest>;

export interface Task {
  readonly kinds: readonly ManifestKind[];
  readonly text: string;
  readonly file: string;
  /** The number of the last finished document. */
  readonly after: number;
}

/** Each document begins, then it is done. At the end comes `ended`, or the reason why the thread cannot go on. */
export type Message =
  | { readonly begun: { readonly number: number; readonly line: number; readonly bytes: number } }
  | { readonly done: PipelineManifest }
  | { readonly ended: true }
  | { readonly failure: string };

/**
 * Parses manifests that are long, or that have anchors, in a separate thread, one file at a time. Parsing them here would block the
 * event loop, for minutes where a few hundred bytes of merge keys multiply. A document that takes too much memory or time there is
 * reported as a problem, and the next thread reads the documents after it. The thread exists only while there is something to parse.
 */
export class ManifestThread {
  readonly #clock: Clock;
  #last: Promise<unknown> = Promise.resolve();
  #worker: Worker | undefined;
  #waiting = 0;
  #closed = false;
  #cancelTimer: CancelTimer | undefined;
  #receive: (message: Message) => void = () => undefined;
  /** The kinds that are read besides pipelines. */
  kinds: readonly ManifestKind[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  readonly parse: ParseManifest = (text, file) => {
    if (text.length <= shortManifestLength && !text.includes('&'))
      return Promise.resolve(parsePipelineManifest(text, file, this.kinds));
    this.#waiting++;
    const result = this.#last.then(() => this.#parse(text, file));
    this.#last = result.finally(() => (--this.#waiting === 0 ? this.#end() : undefined));
    return result;
  };

  async close(): Promise<void> {
    this.#closed = true;
    this.#receive({ failure: 'was not read to its end: Tocsin is shutting down' });
    await this.#end();
  }

  async #parse(text: string, file: string): Promise<PipelineManifest> {
    const parts: PipelineManifest[] = [];
    for (let after: number | undefined = 0; after !== undefined && !this.#closed;)
      after = await this.#run({ text, file, after, kinds: this.kinds }, parts);
    // What was not read must not count as removed.
    if (this.#closed)
      parts.push(brokenManifest({ file, line: 1, column: 1, message: 'not read: Tocsin is shutting down' }));
    return joinManifests(parts);
  }

  /** Returns the number of the document at which the thread ended too early; undefined if all documents are done. */
  async #run(task: Task, parts: PipelineManifest[]): Promise<number | undefined> {
    let current = { number: task.after + 1, line: 1, bytes: 0 };
    const failure = await new Promise<string | undefined>((resolve) => {
      this.#receive = (message) => {
        this.#cancelTimer?.();
        if ('ended' in message) return resolve(undefined);
        if ('failure' in message) return resolve(message.failure);
        if ('begun' in message) current = message.begun;
        else parts.push(message.done);
        this.#guard();
      };
      this.#guard();
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- that is for windows
      (this.#worker ??= this.#start()).postMessage(task);
    });
    if (failure === undefined) return undefined;
    await this.#end();
    const { number, bytes, line } = current;
    const limit = this.#closed ? {} : ({ limit: 'manifest_parser' } as const);
    const message = `document ${number} of the file, of ${bytes} bytes, ${failure}; split it, or write it without aliases`;
    parts.push(brokenManifest({ file: task.file, line, column: 1, message, ...limit }));
    return number;
  }

  /** Gives the thread time for one more document. */
  #guard(): void {
    this.#cancelTimer?.();
    const failure = `takes more than ${manifestDeadlineMs / 1000} s to read`;
    this.#cancelTimer = this.#clock.setTimeout(() => this.#receive({ failure }), manifestDeadlineMs);
  }

  #start(): Worker {
    const { Worker: Thread } = process.getBuiltinModule('node:worker_threads');
    const resourceLimits = { maxOldGenerationSizeMb: manifestHeapMiB, maxYoungGenerationSizeMb: 16 };
    const worker = new Thread(workerFile(import.meta.url, 'manifest-worker'), {
      name: 'tocsin-manifest-parser',
      resourceLimits,
    });
    worker.unref();
    // A worker that was terminated may still send a message.
    const receive = (message: Message): void => void (this.#worker === worker && this.#receive(message));
    worker.on('message', receive);
    worker.on('error', (error: NodeJS.ErrnoException) => receive({ failure: failureOf(error) }));
    worker.on('exit', () => receive({ failure: 'cannot be read: its thread has ended' }));
    return worker;
  }

  async #end(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }
}

function failureOf({ code, message }: NodeJS.ErrnoException): string {
  const isTooLarge = code === 'ERR_WORKER_OUT_OF_MEMORY';
  return isTooLarge ? `takes more than ${manifestHeapMiB} MiB of memory to read` : `cannot be read: ${message}`;
}
