import { mayHaveLabel, type LabelSet } from '../alert/labels.ts';
import type { Alert } from '../alert/alert.ts';
import type { Matcher } from '../matcher/matcher.ts';
import { parseMatcher } from '../matcher/parse-matcher.ts';
import { addCause } from './alert-cause.ts';
import type { CauseStatus } from './cause.ts';
import { Causes, type Lane } from './causes.ts';

/** Tells the alerts of the platform by `lanes.platform`. */
export class PlatformAlerts {
  readonly #matchers: readonly Matcher[];
  /** False for nearly every alert that is none of the platform, without a look at its labels. */
  readonly #mayMatch: (key: string) => boolean;

  /** @param matchers all have to match; without any, no alert is the platform's */
  constructor(matchers: readonly Matcher[]) {
    this.#matchers = matchers;
    this.#mayMatch = matchers.length === 0 ? () => false : hintOf(matchers);
  }

  has(alert: Pick<Alert, 'key' | 'labels'>): boolean {
    return this.#mayMatch(alert.key) && this.hasLabels(alert.labels);
  }

  hasLabels(labels: LabelSet): boolean {
    return this.#matchers.length > 0 && this.#matchers.every((matcher) => matcher.matches(labels));
  }
}

/** The matchers of the alerts of the platform. */
interface LanesConfig {
  readonly lanes: { readonly platform: readonly string[] };
}

/** The alerts of the platform as they are told now. @param config called each time, because a reload may change it */
export function livePlatformAlerts(config: () => LanesConfig): () => PlatformAlerts {
  let read: readonly string[] | undefined;
  let platform: PlatformAlerts | undefined;
  return () => {
    const current = config().lanes.platform;
    if (platform === undefined || read !== current) platform = new PlatformAlerts(current.map(parseMatcher));
    read = current;
    return platform;
  };
}

/** The test for one matcher that an alert without its label does not satisfy; best one for a value, which is rarer than a name. */
function hintOf(matchers: readonly Matcher[]): (key: string) => boolean {
  const needed = matchers.filter((matcher) => !matcher.matchesValue(''));
  const matcher = needed.find(({ type }) => type === '=') ?? needed[0];
  if (matcher === undefined) return () => true;
  return mayHaveLabel(matcher.name, matcher.type === '=' ? matcher.value : undefined);
}

/** The causes of what arrives or ends at one moment, each alert in its lane. */
export class LanedCauses {
  readonly #isPlatform: (alert: Alert) => boolean;
  readonly user = new Causes('user');
  #platform: Causes | undefined;

  constructor(platform: PlatformAlerts) {
    this.#isPlatform = platform.has.bind(platform);
  }

  /** See {@link addCause}. Returns the lane of the alert. */
  add(alert: Alert, status: CauseStatus, at: number): Lane {
    const isPlatform = this.#isPlatform(alert);
    addCause(isPlatform ? (this.#platform ??= new Causes('platform')) : this.user, alert, status, at);
    return isPlatform ? 'platform' : 'user';
  }

  /** Those with a reason to wake a reconcile; the platform's are first. */
  get waking(): readonly Causes[] {
    const lanes = this.#platform === undefined ? [this.user] : [this.#platform, this.user];
    return lanes.filter(({ triggers }) => triggers.size > 0);
  }
}
