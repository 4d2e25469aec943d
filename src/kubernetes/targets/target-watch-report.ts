import { Gauge } from 'prom-client';
import type { Runtime } from '../../runtime/runtime.ts';
import { maxTargetWatches, type PlannedWatch } from './watch-plan.ts';

interface TargetWatchReportOptions extends Pick<Runtime, 'logger' | 'registry'> {}

/** Tells the log and the metrics which objects of triggers are watched, beyond what each reflector tells of its own. */
export class TargetWatchReport {
  readonly #logger: Runtime['logger'];

  /** @param figures read at each scrape */
  constructor({ logger, registry }: TargetWatchReportOptions, figures: () => WatchFigures) {
    this.#logger = logger;
    createWatchMetrics({ registry }, figures);
  }

  closed({ kind: { apiVersion: api_version, resource }, namespace }: PlannedWatch): void {
    const scope = namespace === undefined ? {} : { namespace };
    const message = 'the objects of a kind are no longer watched, because no trigger needs them';
    this.#logger.info('target.watch_closed', message, { api_version, resource, ...scope });
  }

  /** The watches that are too many are others than before. */
  refused(refused: readonly PlannedWatch[]): void {
    if (refused.length === 0) return;
    const names = refused.slice(0, 5).map(({ kind, namespace = '*' }) => `${kind.resource} in ${namespace}`);
    const message =
      'triggers need more watches than there may be: the others are not opened, and the status of their triggers says so';
    const fields = { max_watches: maxTargetWatches, refused: refused.length, first: names.join(', ') };
    this.#logger.warn('target.watches_limited', message, fields);
  }
}

/** What is watched now. */
export interface WatchFigures {
  readonly watches: number;
  readonly refused: number;
  readonly objects: number;
  readonly bytes: number;
}

function createWatchMetrics({ registry }: Pick<Runtime, 'registry'>, figures: () => WatchFigures): void {
  const registers = [registry];
  const gauge = (
    named: { readonly name: string; readonly help: string },
    read: (now: WatchFigures) => number,
  ): void => {
    new Gauge({
      registers,
      ...named,
      collect() {
        this.set(read(figures()));
      },
    });
  };
  const watches = { name: 'tocsin_target_watches', help: 'Watches of objects that triggers choose; at most 100.' };
  gauge(watches, (now) => now.watches);
  const refused = {
    name: 'tocsin_target_watches_refused',
    help: 'Watches of objects that triggers choose and that are not open, because there may be only 100.',
  };
  gauge(refused, (now) => now.refused);
  const objects = { name: 'tocsin_target_objects', help: 'Objects that triggers may choose and that are watched.' };
  gauge(objects, (now) => now.objects);
  const bytes = {
    name: 'tocsin_target_memory_bytes',
    help: 'What is kept of objects that triggers may choose, and of those read to find owners, estimated; at most 20 MiB.',
  };
  gauge(bytes, (now) => now.bytes);
}
