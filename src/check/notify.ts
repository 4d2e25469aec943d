import type { LoadedConfig } from '../config/load-config.ts';
import { AlertmanagerClient, type AlertmanagerConfig, type PlacedAlertmanager } from '../notify/alertmanager-client.ts';
import { probe, type ProbeResult } from '../notify/probe.ts';
import { newId } from '../runtime/new-id.ts';
import { ok, problem, skipped, type Attempt, type Category, type Outcome } from './check.ts';

export interface NotifySource {
  /** Reads the configuration file. */
  readonly load: () => LoadedConfig;
  /** Of this program. */
  readonly version: string;
}

/** `--notify`: whether the alerts about pipelines reach people. It sends a test alert, so it is done on request only. */
export function notify(source: NotifySource): Category {
  const channels = new Channels(source);
  return {
    name: 'notify',
    needs: ['configuration'],
    whyNot: () =>
      channels.alertmanagers.length === 0 ? 'notify.alertmanagers is empty, or no --config.file is given' : undefined,
    checks: [
      {
        id: 'notify-test-alert',
        description: 'every Alertmanager of notify takes a test alert',
        retryable: true,
        surfacesProblem: true,
        run: (attempt) => channels.test(attempt),
      },
      {
        id: 'notify-not-silenced',
        description: 'no silence keeps the test alert back',
        warning: true,
        run: () => channels.silences(),
      },
    ],
  };
}

class Channels {
  readonly #source: NotifySource;
  #results: readonly (readonly [address: string, result: ProbeResult])[] = [];

  constructor(source: NotifySource) {
    this.#source = source;
  }

  get alertmanagers(): readonly AlertmanagerConfig[] {
    const loaded = this.#source.load();
    return 'problems' in loaded ? [] : loaded.config.notify.alertmanagers;
  }

  /** Tests all of them at once, each attempt with an alert of its own. */
  async test(attempt: Attempt): Promise<Outcome> {
    this.#results = await Promise.all(this.alertmanagers.map((each, place) => this.#test({ ...each, place }, attempt)));
    const problems = this.#results.flatMap(([, result]) => ('problem' in result ? [result.problem] : []));
    if (problems.length > 0) return problem(problems);
    return ok(...this.#results.map(([address, result]) => `${address} gives it to ${receiversOf(result)}`));
  }

  silences(): Outcome {
    const taken = this.#results.flatMap(([address, result]) => ('problem' in result ? [] : [{ address, ...result }]));
    if (taken.length === 0) return skipped('no Alertmanager has the test alert');
    const silenced = taken.filter(({ silencedBy }) => silencedBy.length > 0);
    if (silenced.length === 0) return ok();
    const told = silenced.map(({ address, silencedBy }) => `${silencedBy.join(', ')} at ${address}`);
    return problem(
      `a silence keeps the test alert from people, and perhaps those about pipelines: ${told.join(', ')}; expire it if it is too wide`,
    );
  }

  async #test(placed: PlacedAlertmanager, { clock, signal }: Attempt): Promise<readonly [string, ProbeResult]> {
    const { version, load } = this.#source;
    const loaded = load();
    if ('problems' in loaded) return [placed.url, { problem: loaded.problems.join('\n') }];
    const { timeout, labels } = loaded.config.notify;
    const client = new AlertmanagerClient({ clock, version, config: () => placed, timeoutMs: () => timeout });
    try {
      return [client.address, await probe(client, { clock, labels, id: newId(8) }, signal)];
    } finally {
      client.close();
    }
  }
}

function receiversOf(result: ProbeResult): string {
  return 'receivers' in result ? result.receivers.join(', ') : 'nobody';
}
