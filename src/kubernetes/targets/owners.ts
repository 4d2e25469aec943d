import { requestGroup } from '../api-object.ts';
import type { OwnerAnswer } from '../../trigger/ports.ts';
import type { MetadataCache, ReadAnswer, ReadObject } from './metadata-cache.ts';
import type { MetadataReads } from './metadata-reads.ts';
import type { KnownKind } from './kind-discovery.ts';
import type { TargetKinds } from './target-kinds.ts';
import { asTargetObject, missingRuleMessage, ruleOf, unwatchedTarget, type ControllerRef } from './target-object.ts';

/** The most owners above a pod: those of Kubernetes are two, and an operator adds one or two. */
const maxOwners = 8;

interface OwnersOptions {
  readonly kinds: Pick<TargetKinds, 'discover'>;
  readonly reads: Pick<MetadataReads, 'read'>;
  readonly cache: Pick<MetadataCache, 'doubt'>;
}

/** The pod, or an owner above it. */
interface Step {
  readonly kind: KnownKind;
  readonly namespace: string | undefined;
  readonly name: string;
  readonly object: ReadObject;
  readonly isGone: boolean;
  /** True if this or something below it is known only from before. */
  readonly fromMemory: boolean;
}

/** A step, or why there is none, for the owner of the trigger. */
type Found = { readonly step: Step } | { readonly step: undefined; readonly reason: string };

const podKind: KnownKind = {
  apiVersion: 'v1',
  kind: 'Pod',
  group: '',
  version: 'v1',
  resource: 'pods',
  isNamespaced: true,
  hasStatus: true,
};

/** Goes from a pod to what owns it: a ReplicaSet, its Deployment, the custom resource above that. Only controllers count as owners. */
export class Owners {
  readonly #options: OwnersOptions;

  constructor(options: OwnersOptions) {
    this.#options = options;
  }

  /**
   * The top of the owners, or the first one of this kind. It is read as well, so that its labels and its scope are known.
   * Rejects with the signal's reason only.
   */
  async ownerOf(namespace: string, pod: string, kind: string | undefined, signal: AbortSignal): Promise<OwnerAnswer> {
    const name = `the pod ${namespace}/${pod}`;
    const first = toStep(podKind, namespace, pod, await this.#options.reads.read(podKind, namespace, pod, signal));
    if (first.step === undefined) return none(first.reason);
    const seen = new Set([first.step.object.uid]);
    let { step } = first;
    for (let above = 0; above <= maxOwners; above++) {
      const { controller } = step.object;
      if (controller === undefined) return atTop(step, name, kind, above);
      if (seen.has(controller.uid))
        return none(`the owners of ${name} go in a circle: ${ownerName(controller)} is its own`);
      seen.add(controller.uid);
      const next = await this.#above(step, controller, signal);
      const isMissing = next.step === undefined || next.step.isGone;
      if (above === 0 && isMissing && this.#options.cache.doubt(podKind, namespace, pod))
        return this.ownerOf(namespace, pod, kind, signal);
      if (next.step === undefined) return none(`the owner of ${name} is unknown: ${next.reason}`);
      step = next.step;
      if (step.kind.kind === kind) return found(step);
    }
    return none(`${name} has more than ${maxOwners} owners above it`);
  }

  async #above(below: Step, controller: ControllerRef, signal: AbortSignal): Promise<Found> {
    const state = await this.#options.kinds.discover(controller, signal);
    const kind = `${controller.kind} (${controller.apiVersion})`;
    if (state.state === 'missing') return { step: undefined, reason: `the kind ${kind} is not installed` };
    if (state.state !== 'found') {
      const detail = state.state === 'failed' ? `: ${state.error.reason}` : '';
      return { step: undefined, reason: `the API server cannot be asked for the kind ${kind}${detail}` };
    }
    const namespace = state.found.isNamespaced ? below.namespace : undefined;
    const answer = await this.#options.reads.read(state.found, namespace, controller.name, signal);
    const next = toStep(state.found, namespace, controller.name, answer);
    if (next.step === undefined) return next;
    if (next.step.object.uid !== controller.uid)
      return { step: undefined, reason: `${ownerName(controller)} is gone, and there is another one of that name` };
    return { step: { ...next.step, fromMemory: next.step.fromMemory || below.fromMemory } };
  }
}

function toStep(kind: KnownKind, namespace: string | undefined, name: string, answer: ReadAnswer): Found {
  const what = `${kind.kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`;
  const isGone = answer.state === 'gone';
  const step = (object: ReadObject, fromMemory: boolean): Found => ({
    step: { kind, namespace, name, object, isGone, fromMemory },
  });
  switch (answer.state) {
    case 'found':
      return step(answer.object, false);
    case 'gone':
      return answer.last === undefined
        ? { step: undefined, reason: `${what} is not there, and nothing was known of it in the last hour` }
        : step(answer.last, true);
    case 'failed':
      return answer.last === undefined
        ? { step: undefined, reason: `${what} cannot be read: ${reasonOf(answer)}` }
        : step(answer.last, true);
    case 'forbidden': {
      const { right } = answer;
      const reason = right && missingRuleMessage(right, ruleOf(right), namespace);
      return { step: undefined, reason: reason ?? `${what} may not be read: ${reasonOf(answer)}` };
    }
  }
}

function reasonOf({ error: { status, reason } }: Extract<ReadAnswer, { error: unknown }>): string {
  return `${status ?? ''} ${reason}`.trim();
}

function atTop(step: Step, pod: string, kind: string | undefined, above: number): OwnerAnswer {
  if (above === 0) return none(`nothing owns ${pod}`);
  return kind === undefined ? found(step) : none(`no ${kind} is among the owners of ${pod}`);
}

function found({ kind, namespace, name, object, isGone, fromMemory }: Step): OwnerAnswer {
  if (isGone) return none(`${kind.kind} ${name}, the owner, is gone`);
  const scope = namespace === undefined ? {} : { namespace };
  const request = { kind: kind.kind, ...requestGroup(kind.apiVersion), ...scope, name };
  return { owner: asTargetObject(unwatchedTarget(kind, request, object)), fromMemory };
}

function none(reason: string): OwnerAnswer {
  return { owner: undefined, reason };
}

function ownerName({ kind, name }: ControllerRef): string {
  return `${kind} ${name}`;
}
