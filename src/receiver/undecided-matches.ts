import { maxRegexpSteps } from '../matcher/anchored-regexp.ts';
import type { Matcher, OnUndecided } from '../matcher/matcher.ts';
import { LimitedLines } from '../runtime/limited-lines.ts';
import type { ReceiverMetrics } from './intake/receiver-metrics.ts';
import type { Runtime } from '../runtime/runtime.ts';

export interface UndecidedMatchesOptions extends Pick<Runtime, 'clock' | 'logger'> {
  readonly metrics: Pick<ReceiverMetrics, 'limitReached'>;
}

const messages = {
  silence:
    'a regular expression would take too long on a label: its silence does not silence the alert; use a smaller one, or =',
  filter: 'a regular expression would take too long on a label: the list is without the alert',
} as const;

type Use = keyof typeof messages;

/** The limit of each use. A list may ask for thousands. */
const linesPerSecond = 1;
const maxCharacters = 256;

/** Logs labels on which a regular expression was not tried, so that it did not match: at most a line a second for each use. */
export class UndecidedMatches {
  readonly ofSilence: OnUndecided;
  readonly ofFilter: OnUndecided;
  readonly #options: UndecidedMatchesOptions;
  readonly #limiters: Readonly<Record<Use, LimitedLines>>;

  constructor(options: UndecidedMatchesOptions) {
    this.#options = options;
    this.#limiters = { silence: this.#limiter('silence'), filter: this.#limiter('filter') };
    this.ofSilence = (matcher, value) => this.#log('silence', matcher, value);
    this.ofFilter = (matcher, value) => this.#log('filter', matcher, value);
  }

  #log(use: Use, matcher: Matcher, value: string): void {
    const { logger, metrics } = this.#options;
    metrics.limitReached('regexp_steps');
    if (!this.#limiters[use].allows()) return;
    logger.warn('matcher.undecided', messages[use], {
      use,
      matcher: matcher.toString().slice(0, maxCharacters),
      label: matcher.name.slice(0, maxCharacters),
      characters: value.length,
      limit: 'regexp_steps',
      max_steps: maxRegexpSteps,
    });
  }

  #limiter(use: Use): LimitedLines {
    const { clock, logger } = this.#options;
    const onOverflow = ({ lines }: { readonly lines: number }): void =>
      logger.warn('matcher.undecided_limited', 'more matchers could not be decided than are written out', {
        use,
        times: lines,
      });
    return new LimitedLines({ clock, logger, perSecond: () => linesPerSecond, onOverflow });
  }
}
