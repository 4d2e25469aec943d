import type { FiringAlerts, NamedAlert } from '../alert/firing-alerts.ts';
import type { LabelSet } from '../alert/labels.ts';
import { Cause } from '../cause/cause.ts';
import { LineOnceAWhile } from '../runtime/limited-lines.ts';
import type { Slices } from '../runtime/slices.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { InhibitionSources, type InhibitionOptions } from './inhibition.ts';
import type { Triggers } from './ports.ts';
import { teamOf } from './team-turns.ts';
import type { Trigger } from './trigger.ts';

/** The most alerts that are remembered as inhibited. Of further ones, the end of the inhibition wakes nothing; they are logged. */
export const maxInhibitedAlerts = 10_000;

/** The shortest time between two lines about it, milliseconds. */
const fullLineMs = 60_000;

interface InhibitedAlertsOptions extends Pick<Runtime, 'clock' | 'logger'>, InhibitionOptions {
  readonly triggers: Triggers;
  /** The alert that inhibits the trigger is another one, or none any more. */
  readonly onChange: (trigger: string) => void;
}

interface Inhibited {
  readonly cause: Cause;
  readonly source: LabelSet;
}

interface InhibitedOfTrigger {
  readonly team: string;
  readonly alerts: Map<string, Inhibited>;
}

/** What fires, and the slices of whoever asks. */
interface Now {
  readonly firing: FiringAlerts;
  readonly slices: Slices;
}

/** Remembers which alerts woke nothing because another alert inhibits them: when that ends, they are an event of their own. */
export class InhibitedAlerts {
  readonly #options: InhibitedAlertsOptions;
  readonly #sources = new WeakMap<FiringAlerts, InhibitionSources>();
  readonly #inhibited = new Map<string, InhibitedOfTrigger>();
  readonly #fullLine: LineOnceAWhile;
  #size = 0;

  constructor(options: InhibitedAlertsOptions) {
    this.#options = options;
    this.#fullLine = new LineOnceAWhile(options.clock, fullLineMs);
  }

  /** The number of alerts that are inhibited, once for each trigger. */
  get size(): number {
    return this.#size;
  }

  /** The name of an alert that inhibits the trigger. */
  sourceOf(trigger: string): string | undefined {
    const [first] = this.#inhibited.get(trigger)?.alerts.values() ?? [];
    return first === undefined ? undefined : (first.source['alertname'] ?? '(no alertname)');
  }

  /** The teams of the triggers whose alerts are inhibited. */
  get teams(): ReadonlySet<string> {
    return new Set([...this.#inhibited.values()].map(({ team }) => team));
  }

  /** The alert that inhibits an alert with these labels; remembers nothing. */
  sourceFor(trigger: Trigger, labels: LabelSet, { firing, slices }: Now): Promise<LabelSet | undefined> {
    return this.#sourcesIn(firing).sourceFor(trigger, { alertname: labels['alertname'], labels }, slices);
  }

  /** True if an alert is inhibited now. An alert that ended is so while its source fires, and is forgotten. */
  async keeps(trigger: Trigger, cause: Cause, { firing, slices }: Now): Promise<boolean> {
    const source = await this.#sourcesIn(firing).sourceFor(trigger, alertOf(cause), slices);
    const hasEnded = cause.status === 'resolved' || cause.status === 'expired';
    if (source === undefined || hasEnded) this.#forget(trigger.key, cause.key);
    else this.#remember(trigger, { cause, source });
    return source !== undefined;
  }

  /** Forgets the alerts of a team's triggers that are no longer inhibited, and returns those of them that fire, by trigger. */
  async ended(team: string, { firing, slices }: Now): Promise<ReadonlyMap<string, readonly Cause[]>> {
    const ended = new Map<string, Cause[]>();
    const own = [...this.#inhibited].filter(([, inhibited]) => inhibited.team === team);
    for (const [key, { alerts }] of own)
      for (const { cause } of alerts.values()) {
        if (slices.isOver) await slices.yieldTurn();
        const trigger = this.#options.triggers.get(key);
        if (trigger !== undefined && (await this.#isInhibited(trigger, cause, { firing, slices }))) continue;
        this.#forget(key, cause.key);
        if (trigger === undefined || !(await firing.reports(cause.labels))) continue;
        const causes = ended.get(key) ?? [];
        causes.push(new Cause(cause.key, cause, 'inhibition ended', this.#options.clock.now()));
        ended.set(key, causes);
      }
    return ended;
  }

  async #isInhibited(trigger: Trigger, cause: Cause, { firing, slices }: Now): Promise<boolean> {
    return (await this.#sourcesIn(firing).sourceFor(trigger, alertOf(cause), slices)) !== undefined;
  }

  #sourcesIn(firing: FiringAlerts): InhibitionSources {
    const known = this.#sources.get(firing);
    if (known !== undefined) return known;
    const sources = new InhibitionSources(firing, this.#options);
    this.#sources.set(firing, sources);
    return sources;
  }

  #remember(of: Trigger, inhibited: Inhibited): void {
    const { key: trigger } = of;
    const { alerts } = this.#inhibited.get(trigger) ?? { alerts: new Map<string, Inhibited>() };
    const isKnown = alerts.has(inhibited.cause.key);
    if (!isKnown && this.#size >= maxInhibitedAlerts) return this.#logFull(trigger);
    const { size } = alerts;
    this.#inhibited.set(trigger, { team: teamOf(of), alerts });
    alerts.set(inhibited.cause.key, inhibited);
    this.#size += alerts.size - size;
    if (size > 0) return;
    const { logger, onChange } = this.#options;
    logger.info('trigger.inhibited', 'alerts wake nothing while another alert fires', {
      trigger,
      source: inhibited.source['alertname'] ?? '(no alertname)',
    });
    onChange(trigger);
  }

  #forget(trigger: string, alert: string): void {
    const alerts = this.#inhibited.get(trigger)?.alerts;
    if (alerts?.delete(alert) !== true) return;
    this.#size--;
    if (alerts.size > 0) return;
    this.#inhibited.delete(trigger);
    this.#options.onChange(trigger);
  }

  #logFull(trigger: string): void {
    if (!this.#fullLine.allows()) return;
    const message =
      'too many alerts are inhibited to remember this one: the end of the inhibition wakes nothing for it';
    this.#options.logger.warn('trigger.inhibited_full', message, { trigger, limit: maxInhibitedAlerts });
  }
}

function alertOf({ key, labels }: Cause): NamedAlert {
  return { alertname: labels['alertname'], key, labels };
}
