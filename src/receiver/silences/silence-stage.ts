import { SilenceRoom, SilenceKeeper } from '../../silence/silence-keeper.ts';
import type { SilenceStorage } from '../../silence/silence-storage.ts';
import { silencesMemoryBytes } from '../../silence/silence-size.ts';
import type { AlertStore } from '../../alert/alert-store.ts';
import type { SilenceLimits } from '../../silence/silence-rules.ts';
import type { Silences } from '../../silence/silences.ts';
import type { Config } from '../../config/config.ts';
import type { RightsOf } from '../../access/rights.ts';
import type { Causes } from '../../cause/causes.ts';
import type { PlatformAlerts } from '../../cause/platform-alerts.ts';
import type { BodyReader } from '../../server/request/body-reader.ts';
import type { ReceiverMetrics } from '../intake/receiver-metrics.ts';
import { SilenceLines, createSilenceMetrics } from '../../silence/silence-report.ts';
import { SilenceRefusals, SilencesHandler } from './silences-handler.ts';
import { SilenceWatch, type KeptSilences } from '../../silence/silence-watch.ts';
import type { SilenceSink } from '../../silence/foreign-silences.ts';
import type { Silence } from '../../silence/silence.ts';
import { Unsilenced } from '../../silence/unsilenced.ts';
import type { Runtime } from '../../runtime/runtime.ts';

export interface SilenceStageOptions extends Runtime {
  readonly metrics: ReceiverMetrics;
  readonly store: AlertStore;
  readonly silences: Silences;
  readonly silenceStorage: SilenceStorage;
  /** Gives the current configuration. */
  readonly config: () => Config;
  readonly bodies: () => BodyReader;
  readonly rightsOf: RightsOf;
  readonly silencesUnknown?: (() => string | undefined) | undefined;
  readonly sink: (causes: Causes) => void;
  /** `lanes.platform`; called each time, because a reload may change it. */
  readonly platform: () => PlatformAlerts;
}

/** Connects everything about silences. */
export class SilenceStage implements SilenceSink {
  readonly handler: SilencesHandler;
  readonly #options: SilenceStageOptions;
  readonly #watch: SilenceWatch;
  readonly #unsilenced: Unsilenced;
  readonly #room: SilenceRoom;

  constructor(options: SilenceStageOptions) {
    this.#options = options;
    const { clock, silences, silenceStorage: storage, config } = options;
    const limits = (): SilenceLimits => limitsOf(config());
    const perSecond = (): number => config().log.alert_lines_per_second;
    const metrics = createSilenceMetrics(
      options.registry,
      (limit) => options.metrics.limitReached(limit),
      () => silences.count(clock.now()),
    );
    this.#unsilenced = new Unsilenced({ ...options, silencing: (alert, now) => silences.silencing(alert, now) });
    this.#watch = new SilenceWatch({
      ...options,
      lines: new SilenceLines({ ...options, perSecond }),
      onEnded: (ended, requestId) => this.#unsilenced.wake(ended, requestId),
      onTold: (until) => void storage.noteLogged(until),
    });
    this.#room = new SilenceRoom({ ...options, limits, metrics });
    const keeper = new SilenceKeeper({ ...options, storage, limits, metrics, watch: this.#watch, room: this.#room });
    const refusals = new SilenceRefusals({ ...options, perSecond });
    this.handler = new SilencesHandler({ ...options, keeper, limits, refusals });
  }

  /** Loads the silences that outlived the last process. */
  load(kept: KeptSilences): void {
    const { started, ended } = this.#watch.load(kept);
    this.#room.make();
    const { clock, logger, silences } = this.#options;
    logger.info('silences.loaded', 'the silences were read', {
      ...silences.count(clock.now()),
      started_meanwhile: started.length,
      ended_meanwhile: ended.length,
    });
  }

  get liveCount(): number {
    return this.#options.silences.liveCount;
  }

  get liveBytes(): number {
    return this.#options.silences.liveBytes;
  }

  get(id: string): Silence | undefined {
    return this.#options.silences.get(id);
  }

  acceptForeign(silence: Silence): void {
    this.#watch.acceptForeign(silence);
    this.#room.make();
  }

  gone(id: string): void {
    this.#watch.gone(id);
  }

  /** Wakes no reconcile afterwards, and leaves no timer behind. */
  close(): void {
    this.#watch.close();
    this.#unsilenced.close();
    this.#room.close();
  }
}

/** What the configuration allows. */
export function limitsOf({ receiver }: Config): SilenceLimits {
  const { max_silences: maxSilences, max_silence_size: maxBytes, silence_retention: retentionMs } = receiver;
  return { maxSilences, maxBytes, retentionMs, maxMemoryBytes: silencesMemoryBytes };
}
