import { z } from 'zod';
import type { WatchedKind } from './watched-kinds.ts';

interface Judged {
  readonly controller: { readonly action: string };
  readonly pipelines: { readonly kubernetes: { readonly kinds: readonly WatchedKind[] | null } };
}

const group = 'telemetry.kyma-project.io';
const resources = ['logpipelines', 'metricpipelines', 'tracepipelines'];

/** The action `condition` writes what alerts mean, and only for Kyma's kinds there are rules that say so. */
export const healthRulesExist = z.refine<Judged>((config) => withoutRules(config).length === 0, {
  path: ['pipelines', 'kubernetes', 'kinds'],
  error: ({ input }) => {
    const names = withoutRules(input as Judged).map((kind) => `${kind.resource}.${kind.group}`);
    return `found ${names.join(', ')}, allowed with controller.action condition: ${resources.join(', ')} of ${group}, for which there are health rules; for other kinds take the action annotate or log`;
  },
});

function withoutRules({ controller, pipelines }: Judged): readonly WatchedKind[] {
  if (controller.action !== 'condition') return [];
  return (pipelines.kubernetes.kinds ?? []).filter(
    (kind) => kind.group !== group || !resources.includes(kind.resource),
  );
}
