import type { Clock } from '../../runtime/clock.ts';
import { startDeadline } from '../../runtime/deadline.ts';
import type { Silence } from '../../silence/silence.ts';
import type { ApiClient } from '../api/api-client.ts';
import { ApiError } from '../api/api-error.ts';
import type { ApiCall } from '../api/api-transport.ts';
import { asApiObject, apiEnvelopeBytes, apiObjectBytes, keptNothing } from '../kept-object.ts';
import type { SilenceObjectReport, SilenceOperation } from './silence-object-report.ts';
import { newSilenceObject, silencePatch, silenceReader, silencesPath, type SilenceObject } from './silence-object.ts';

/** The time for one request of a client, whatever it takes of the API server, milliseconds: amtool waits for half a minute. */
const requestTimeoutMs = 15_000;
/** The time for one call. */
const callTimeoutMs = 5000;
const fieldManager = 'tocsin';

/** The object is no longer what the change was decided on. */
export class OutdatedError extends Error {
  override readonly name = 'OutdatedError';
  readonly object: SilenceObject;

  constructor(object: SilenceObject) {
    super('the silence was changed by somebody else at the same time');
    this.object = object;
  }
}

/** A silence could not be stored in the cluster. The message is for the client; the cause has the details, for the log. */
export class ClusterStorageError extends Error {
  override readonly name = 'ClusterStorageError';
}

interface SilenceObjectCallsOptions {
  readonly client: Pick<ApiClient, 'call'>;
  readonly clock: Clock;
  readonly report: SilenceObjectReport;
  readonly namespace: string;
  readonly tenant?: string | undefined;
  /** Ends every call. */
  readonly signal: AbortSignal;
}

/** The calls of the API server for one request about a silence. They reject with ClusterStorageError or OutdatedError. */
export class SilenceObjectCalls {
  readonly #options: SilenceObjectCallsOptions;
  readonly #path: string;

  constructor(options: SilenceObjectCallsOptions) {
    this.#options = options;
    this.#path = silencesPath(options.namespace);
  }

  /** @param alertsNamespaces those that its matchers require of an alert */
  async create(silence: Silence, alertsNamespaces: readonly string[]): Promise<SilenceObject> {
    return this.#counted('create', async (signal) => {
      try {
        return await this.#create(silence, alertsNamespaces, signal);
      } catch (error) {
        const made = mayBeDone(error)
          ? await this.#find(`${this.#path}/${silence.id}`).catch(() => undefined)
          : undefined;
        if (made === undefined) throw error;
        return made;
      }
    });
  }

  /** Resolves to false if there is an object of its name, whatever it says. */
  async createOnce(silence: Silence, alertsNamespaces: readonly string[]): Promise<boolean> {
    return this.#counted('create', async (signal) => {
      try {
        await this.#create(silence, alertsNamespaces, signal);
        return true;
      } catch (error) {
        if (error instanceof ApiError && error.reason === 'AlreadyExists') return false;
        throw error;
      }
    });
  }

  /** Whether a change without an answer was made is found out when it is decided again. */
  async change(object: SilenceObject, silence: Silence): Promise<SilenceObject> {
    return this.#counted('change', async (signal) => {
      try {
        const contentType = 'application/merge-patch+json';
        const call = { method: 'PATCH', path: object.path, query: { fieldManager }, contentType } as const;
        return await this.#read({ ...call, body: silencePatch(object, silence), signal });
      } catch (error) {
        const isOther = error instanceof ApiError && (error.status === 409 || error.status === 404);
        throw isOther || (mayBeDone(error) && (await this.#isChanged(object))) ? new OutdatedError(object) : error;
      }
    });
  }

  /** The newest version of an object; undefined if it is gone. */
  read(object: SilenceObject): Promise<SilenceObject | undefined> {
    return this.#find(object.path).catch((error: unknown) => {
      throw clientError(error, this.#options.namespace);
    });
  }

  /** Deletes what a request made that then failed. Never rejects: what is left is told. */
  async takeBack(object: SilenceObject): Promise<void> {
    try {
      await this.delete(object);
    } catch (error) {
      this.#options.report.leftOver(object, error);
    }
  }

  /** Deletes an object, if it still is what is known of it. Rejects with ApiError. */
  async delete({ path, uid, resourceVersion }: SilenceObject, signal = this.#options.signal): Promise<void> {
    const body = { preconditions: { uid, resourceVersion } };
    const call = { method: 'DELETE', path, body, keep: keptNothing, timeoutMs: callTimeoutMs, signal } as const;
    await this.#options.client.call(call);
  }

  #create(silence: Silence, alertsNamespaces: readonly string[], signal: AbortSignal): Promise<SilenceObject> {
    const body = newSilenceObject(silence, { ...this.#options, alertsNamespaces });
    return this.#read({ method: 'POST', path: this.#path, query: { fieldManager }, body, signal });
  }

  async #find(path: string): Promise<SilenceObject | undefined> {
    try {
      return await this.#read({ method: 'GET', path, signal: this.#options.signal });
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined;
      throw error;
    }
  }

  async #isChanged(object: SilenceObject): Promise<boolean> {
    const newest = await this.#find(object.path).catch(() => object);
    return newest?.resourceVersion !== object.resourceVersion;
  }

  async #read(call: ApiCall): Promise<SilenceObject> {
    const selection = { members: silenceReader.members };
    const keep = { selection, bytes: apiObjectBytes + apiEnvelopeBytes };
    const answer = await this.#options.client.call({ ...call, keep, timeoutMs: callTimeoutMs });
    const served = { apiVersion: '', kind: '', path: this.#path };
    return silenceReader.read(asApiObject(answer, `${call.method} ${call.path}`), served);
  }

  async #counted<T>(operation: SilenceOperation, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { clock, namespace, report, signal } = this.#options;
    const deadline = startDeadline(clock, requestTimeoutMs, signal);
    try {
      const result = await run(deadline.signal);
      report.wrote(operation, 'done');
      return result;
    } catch (error) {
      const isOutdated = error instanceof OutdatedError;
      report.wrote(operation, isOutdated ? 'outdated' : 'failed');
      throw isOutdated ? error : clientError(error, namespace);
    } finally {
      deadline.end();
    }
  }
}

/** The API server may have done it although no answer came. */
function mayBeDone(error: unknown): boolean {
  return !(error instanceof ApiError) || error.status === undefined || error.status >= 500;
}

function clientError(error: unknown, namespace: string): ClusterStorageError {
  return new ClusterStorageError(`the silence could not be stored in the cluster: ${reasonOf(error, namespace)}`, {
    cause: error,
  });
}

/** Names no address: the client may be of a team that need not know it. */
function reasonOf(error: unknown, namespace: string): string {
  const { status, reason, message, missingRight } =
    error instanceof ApiError ? error : new ApiError('', { reason: '' });
  if (missingRight !== undefined)
    return `Tocsin may not ${missingRight.verb} ${missingRight.resource} in the namespace ${namespace}`;
  if (status === undefined || status >= 500 || status === 429)
    return `the Kubernetes API server does not answer (${`${status ?? ''} ${reason}`.trim() || 'Timeout'}); try again`;
  if (status === 404) return 'silences.tocsin.dev is not installed';
  return message.slice(message.indexOf(`: ${status} `) + 2);
}
