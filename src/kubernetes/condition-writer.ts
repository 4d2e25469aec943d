import type { Condition, ConditionChange } from '../controller/ports.ts';
import type { ApiClient } from './api-client.ts';
import { ApiError } from './api-error.ts';
import { readConditions, type ApiObject } from './pipeline-object.ts';

/** How often an object that somebody else wrote in between is read again. */
const maxConflicts = 5;

/** Writes conditions into the `status` subresource of an object. */
export class ConditionWriter {
  readonly #client: Pick<ApiClient, 'call'>;

  constructor(client: Pick<ApiClient, 'call'>) {
    this.#client = client;
  }

  /**
   * Reads the object and writes what the change makes of its conditions. False if that is nothing, or the object is gone.
   * @param target.path of the object itself. Rejects with ApiError, or with the signal's reason.
   */
  async write(target: { readonly path: string }, change: ConditionChange, signal: AbortSignal): Promise<boolean> {
    for (let conflicts = 0; ; conflicts++) {
      try {
        const object = await this.#client.call<ApiObject>({ method: 'GET', path: target.path, signal });
        const conditions = change(readConditions(object.status?.conditions));
        if (conditions === undefined) return false;
        await this.#put(target.path, object, conditions, signal);
        return true;
      } catch (error) {
        if (error instanceof ApiError && error.status === 404) return false;
        if (!(error instanceof ApiError) || error.status !== 409 || conflicts === maxConflicts) throw error;
      }
    }
  }

  async #put(path: string, object: ApiObject, conditions: readonly Condition[], signal: AbortSignal): Promise<void> {
    const body = { ...object, status: { ...object.status, conditions } };
    await this.#client.call({ method: 'PUT', path: `${path}/status`, body, signal });
  }
}
