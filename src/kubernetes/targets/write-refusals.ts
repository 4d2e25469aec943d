import type { NeedState, ObjectNeed, PolicyRule } from '../../trigger/ports.ts';
import { ForbiddenError } from '../../reconcile/errors.ts';
import { kindName, type Request } from '../../reconcile/ports.ts';
import { requestGroup } from '../api-object.ts';
import { ApiError } from '../api/api-error.ts';
import type { KnownKind } from './kind-discovery.ts';
import { unavailable } from './need-state.ts';
import { missingRuleMessage, ruleOf } from './target-object.ts';

/** The most refused rights that are remembered; beyond that, the one refused longest ago is forgotten. */
const maxRefusals = 1000;

/** What is written: an annotation into the object, or a condition into its status. */
export type WrittenPart = 'object' | 'status';

export interface WriteRefusal {
  readonly rule: PolicyRule;
  readonly message: string;
}

/** The rights to write that the API server says are missing, until a write with them succeeds. */
export class WriteRefusals {
  readonly #onChange: () => void;
  /** By kind, part and namespace, the latest at the end. */
  readonly #refusals = new Map<string, WriteRefusal>();

  /** @param onChange called when a right is missing, or is there again */
  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  /** The refusal of writes to a kind, in a namespace or, without one, in any. */
  find(
    kind: Pick<Request, 'kind' | 'group'>,
    namespace: string | undefined,
    part: WrittenPart,
  ): WriteRefusal | undefined {
    const key = keyOf(kind, part, namespace ?? '');
    const exact = this.#refusals.get(key);
    if (exact !== undefined || namespace !== undefined) return exact;
    for (const [other, refusal] of this.#refusals) if (other.startsWith(key)) return refusal;
    return undefined;
  }

  /** Set if what a trigger needs to write may not be written. */
  stateOf(need: ObjectNeed, { kind, apiVersion, isNamespaced }: KnownKind): NeedState | undefined {
    const part = need.of === 'conditions' ? 'status' : 'object';
    const scope = isNamespaced ? need.namespace : undefined;
    const refusal = this.find({ kind, ...requestGroup(apiVersion) }, scope, part);
    return refusal && { ...unavailable('Forbidden', refusal.message), missingRule: refusal.rule };
  }

  /** Does a write of this part of an object, and keeps what its result says about the right to. */
  async observe<T>(request: Request, part: WrittenPart, write: () => Promise<T>): Promise<T> {
    const key = keyOf(request, part, request.namespace ?? '');
    try {
      const result = await write();
      if (this.#refusals.delete(key)) this.#onChange();
      return result;
    } catch (error) {
      this.#note(key, request, error);
      throw error;
    }
  }

  #note(key: string, { namespace }: Request, error: unknown): void {
    const refused = error instanceof ForbiddenError ? error.cause : undefined;
    if (!(refused instanceof ApiError) || refused.missingRight === undefined) return;
    const rule = ruleOf(refused.missingRight);
    const isNew = !this.#refusals.delete(key);
    this.#refusals.set(key, { rule, message: missingRuleMessage(refused.missingRight, rule, namespace) });
    for (const [oldest] of this.#refusals) {
      if (this.#refusals.size <= maxRefusals) break;
      this.#refusals.delete(oldest);
    }
    if (isNew) this.#onChange();
  }
}

function keyOf(kind: Pick<Request, 'kind' | 'group'>, part: WrittenPart, namespace: string): string {
  return `${kindName(kind)} ${part} ${namespace}`;
}
