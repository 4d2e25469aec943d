import { Causes } from '../cause/causes.ts';
import type { LabelSet } from '../alert/labels.ts';
import type { Request } from '../reconcile/ports.ts';
import { requestMappers, type Select } from '../source/request-mapper.ts';
import type { PipelineName } from './schema.ts';

/** Which pipelines an alert with these labels concerns, by the very rule by which an event chooses. It chooses no object of another group. */
export function selected(rule: Select, labels: LabelSet, pipelines: readonly PipelineName[]): readonly PipelineName[] {
  const causes = new Causes();
  causes.addAlert('', { labels }, 'firing', 0);
  const own = pipelines.filter(({ group }) => group === undefined);
  return requestMappers[rule](causes, own as readonly Request[]);
}
