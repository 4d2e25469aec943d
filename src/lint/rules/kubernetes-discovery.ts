import { showPath } from '../../config/settings/show-value.ts';
import { shown } from '../leaf-values.ts';
import type { Rule, RuleContext } from '../rule.ts';
import { FileShape, type Spot } from '../shape.ts';

/** Which objects a role may select by. */
const selectors: Readonly<Record<string, readonly string[]>> = {
  pod: ['pod', 'node'],
  service: ['service'],
  endpoints: ['pod', 'service', 'endpoints'],
  endpointslice: ['pod', 'service', 'endpointslice'],
  node: ['node'],
  ingress: ['ingress'],
};

const clients = [
  'basic_auth',
  'authorization',
  'oauth2',
  'bearer_token',
  'bearer_token_file',
  'tls_config',
  'proxy_url',
];

/** Which cluster the discovery asks, and by what it selects. */
export const kubernetesDiscovery: Rule = (context) => {
  for (const spot of FileShape.of(context.subject)?.spots(context.subject.root) ?? [])
    if (spot.type === 'kubernetes.SDConfig' && spot.value.kind === 'map') {
      checkCluster(spot, context);
      checkSelectors(spot, context);
    }
};

function checkCluster({ value, path }: Spot, { report }: RuleContext): void {
  const has = (key: string): boolean => value.get(key) !== undefined && value.get(key)?.kind !== 'null';
  const ownNamespace = value.get('namespaces', 'own_namespace');
  const client = clients.find(has);
  const conflict = (one: string, other: string): void =>
    report('conflicting-keys', value, `${showPath(path)}: ${one} and ${other} together`, {
      hint: 'remove one of them',
    });
  if (has('kubeconfig_file') && has('api_server')) conflict('kubeconfig_file', 'api_server');
  if (ownNamespace?.scalar === true)
    for (const key of ['kubeconfig_file', 'api_server']) if (has(key)) conflict(key, 'namespaces.own_namespace');
  if (client === undefined) return;
  if (has('kubeconfig_file')) conflict('kubeconfig_file', client);
  else if (!has('api_server'))
    report('missing-key', value, `${showPath(path)}.api_server: missing, though ${client} is given`, {
      hint: 'add api_server',
    });
}

function checkSelectors({ value, path }: Spot, { report }: RuleContext): void {
  const role = value.get('role')?.text?.toLowerCase() ?? '';
  const allowed = selectors[role];
  const seen = new Set<string>();
  for (const selector of value.get('selectors')?.items ?? []) {
    const found = selector.get('role');
    const name = found?.text?.toLowerCase();
    if (found === undefined || name === undefined || allowed === undefined) continue;
    if (!allowed.includes(name))
      report('bad-value', found, `${showPath(path)}: the role ${role} does not select by ${shown(name)}`, {
        hint: `allowed: ${allowed.join(', ')}`,
      });
    if (seen.has(name))
      report('duplicate-name', found, `selectors: ${shown(name)} is given twice`, { hint: 'join them' });
    seen.add(name);
  }
}
