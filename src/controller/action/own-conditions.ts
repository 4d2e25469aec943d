import { isOfTriggers, nameAlertOf, reasonOf, type TriggerVerdict } from '../../trigger/firing-condition.ts';
import type { NamedAlert } from '../../alert/firing-alerts.ts';
import {
  requestKey,
  type Condition,
  type Pipelines,
  type Request,
  type Run,
  type TransitionRecorder,
} from '../../reconcile/ports.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import type { TriggersInForce } from '../../trigger/triggers-in-force.ts';
import type { ConditionAuthor } from '../../trigger/ports.ts';
import { healthType, type Trigger } from '../../trigger/trigger.ts';

/** A trigger that keeps a condition of an object, and the alert by which it decides. */
export interface Keeper {
  readonly trigger: Trigger;
  readonly alert: NamedAlert | undefined;
}

/** All triggers that keep one condition of an object. */
export interface Kept {
  readonly type: string;
  readonly keepers: readonly Keeper[];
}

interface OwnConditionsOptions extends Pick<Runtime, 'logger'> {
  readonly triggers: TriggersInForce;
  readonly pipelines: Pick<Pipelines, 'updateConditions'>;
  readonly transitions?: TransitionRecorder | undefined;
}

/** The most entries whose writers are remembered; of others, the API server is asked again. */
const maxAuthors = 10_000;

/** Tells the entries that triggers wrote into objects from those of other controllers, which stay as they are. */
export class OwnConditions {
  readonly #options: OwnConditionsOptions;
  /** What the API server said of entries, by object and type. */
  readonly #authors = new Map<string, { readonly reason: string; readonly author: ConditionAuthor | undefined }>();

  constructor(options: OwnConditionsOptions) {
    this.#options = options;
  }

  /** On the disk before the write: what is written has to be recognised, whatever becomes of the process. */
  async note({ request, pipeline }: Run, { type, keepers }: Kept, verdict: TriggerVerdict): Promise<void> {
    const { triggers } = this.#options;
    const { apiVersion } = pipeline;
    triggers.freed(request, type);
    const present = pipeline.conditions.find((condition) => condition.type === type);
    const entries = present === undefined ? [verdict.condition] : [present, verdict.condition];
    // All at once: they share one write.
    await Promise.all([
      ...keepers.map(({ trigger }) => triggers.note({ trigger: trigger.key, request, apiVersion, type })),
      ...entries.map(({ reason }) => triggers.wrote(request, type, reason)),
    ]);
  }

  /**
   * Asks who wrote the entry of the type, if nothing is known of it: what was noted may be lost with the storage. Call it before
   * {@link isForeign}. Rejects with the signal's reason only.
   */
  async ask({ request, pipeline, signal }: Run, type: string): Promise<void> {
    const { triggers } = this.#options;
    const present = pipeline.conditions.find((condition) => condition.type === type);
    if (present?.status !== 'False' || type === healthType) return;
    const { reasons } = triggers.entryOf(request, type);
    const key = entryKey(request, present);
    if (reasons?.has(present.reason) === true || this.#authors.get(key)?.reason === present.reason) return;
    const author = await triggers.authorOf(request, present, signal);
    this.#authors.delete(key);
    this.#authors.set(key, { reason: present.reason, author });
    for (const [oldest] of this.#authors) if (this.#authors.size > maxAuthors) this.#authors.delete(oldest);
  }

  /** True if the entry of the type is another controller's. */
  isForeign({ request, pipeline }: Run, { type, keepers }: Kept): boolean {
    const present = pipeline.conditions.find((condition) => condition.type === type);
    return present !== undefined && !this.isOwn(request, present, keepers);
  }

  /** Kyma's own controller writes the type of the health rules too, and says the same. */
  isOwn(request: Request, present: Condition, keepers: readonly Keeper[]): boolean {
    if (present.type === healthType) return true;
    const known = this.#authors.get(entryKey(request, present));
    if (present.status === 'False' && known?.reason === present.reason && known.author !== undefined)
      return known.author === 'own';
    return isOfTriggers(present, this.#options.triggers.entryOf(request, present.type), (reason) =>
      keepers.some(({ alert, trigger }) => {
        const isFiring = alert !== undefined && reasonOf(alert.labels['alertname'] ?? '') === reason;
        return isFiring || nameAlertOf(trigger.matchers, reason);
      }),
    );
  }

  /** Removes an entry that no trigger keeps any more, if triggers wrote it. True if it was. */
  async remove(run: Run, trigger: string, type: string): Promise<boolean> {
    const { id, request, pipeline, signal } = run;
    await this.ask(run, type);
    const { logger, pipelines, transitions, triggers } = this.#options;
    let removed: Condition | undefined;
    let left: Condition | undefined;
    const former = triggers.get(trigger);
    const keepers = former === undefined ? [] : [{ trigger: former, alert: undefined }];
    const change = (current: readonly Condition[]): readonly Condition[] | undefined => {
      const present = current.find((condition) => condition.type === type);
      removed = present !== undefined && this.isOwn(request, present, keepers) ? present : undefined;
      left = present === removed ? undefined : present;
      return removed === undefined ? undefined : current.filter((condition) => condition.type !== type);
    };
    const isWritten = await pipelines.updateConditions(request, change, signal);
    if (left !== undefined) this.#tellLeft(id, request, trigger, left);
    if (!isWritten || removed === undefined) return false;
    const { status: from, reason: fromReason } = removed;
    const message = `the trigger ${trigger} has ended, or no longer names this object`;
    logger.info('condition.removed', 'the condition is removed, because no trigger keeps it any more', {
      run: id,
      ...request,
      type,
      from,
      from_reason: fromReason,
      trigger,
    });
    const transition = { type, from, to: '', fromReason, reason: 'ConditionRemoved', message } as const;
    transitions?.record(pipeline, transition, { by: 'end of trigger', trigger });
    return true;
  }

  /** Once: the note is forgotten. */
  #tellLeft(run: string, request: Request, trigger: string, { type, status, reason }: Condition): void {
    const message = 'no trigger keeps the condition any more, and it stays, because another controller wrote it';
    this.#options.logger.info('condition.left', message, { run, ...request, type, status, reason, trigger });
  }
}

function entryKey(request: Request, { type }: Pick<Condition, 'type'>): string {
  return `${requestKey(request)} ${type}`;
}
