import { X509Certificate } from 'node:crypto';
import { ok, problem, skipped, type Outcome } from './check.ts';
import { orAbsent, statusOf, type ClusterApi } from './cluster.ts';

const webhooks = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/tocsin';

interface Webhook {
  readonly clientConfig: {
    readonly caBundle?: string;
    readonly service?: { readonly namespace: string; readonly name: string; readonly port?: number };
  };
}

interface Service {
  readonly spec?: { readonly ports?: readonly { readonly port: number }[] };
}

/**
 * Tries what nobody stores: a trigger whose mistake only Tocsin knows. The webhook lets everything pass that it cannot ask about
 * (`failurePolicy: Ignore`), so a wrong certificate shows nowhere else.
 */
export async function webhookAnswers(api: ClusterApi, signal: AbortSignal): Promise<Outcome> {
  const call = api.call<{ webhooks?: readonly Webhook[] }>({ method: 'GET', path: webhooks, signal });
  const found = await orAbsent(call.catch(forbiddenAsAbsent));
  const webhook = found?.webhooks?.[0];
  if (webhook === undefined)
    return skipped(
      'there is no ValidatingWebhookConfiguration tocsin that may be read: k8s/components/admission has it',
    );
  const faults = await faultsOf(api, webhook, signal);
  if (faults.length > 0) return problem(faults);
  return tried(api, signal);
}

/** What may not be read cannot be told. */
function forbiddenAsAbsent(error: unknown): undefined {
  if (statusOf(error) === 403) return undefined;
  throw error;
}

async function faultsOf(api: ClusterApi, { clientConfig }: Webhook, signal: AbortSignal): Promise<readonly string[]> {
  const { service, caBundle = '' } = clientConfig;
  if (service === undefined) return [];
  const shown = `${service.namespace}/${service.name}`;
  const path = `/api/v1/namespaces/${encodeURIComponent(service.namespace)}/services/${encodeURIComponent(service.name)}`;
  const known = await orAbsent(api.call<Service>({ method: 'GET', path, signal })).catch(forbiddenAsAbsent);
  const port = service.port ?? 443;
  const ports = known?.spec?.ports?.map((each) => each.port) ?? [];
  const where =
    known === undefined
      ? [`the webhook asks the Service ${shown}, which is not there: apply k8s/components/admission in that namespace`]
      : ports.includes(port)
        ? []
        : [`the webhook asks the port ${port} of the Service ${shown}, which has ${ports.join(', ') || 'none'}`];
  return [...where, ...authorityFaults(caBundle)];
}

function authorityFaults(caBundle: string): readonly string[] {
  const remedy =
    'have cert-manager write it (k8s/components/admission/cert-manager), or set clientConfig.caBundle to your CA';
  if (caBundle === '')
    return [`the webhook has no caBundle, so the API server trusts no certificate of Tocsin: ${remedy}`];
  try {
    const { validToDate, validTo } = new X509Certificate(Buffer.from(caBundle, 'base64'));
    return validToDate.getTime() > Date.now() ? [] : [`the caBundle of the webhook ended at ${validTo}: ${remedy}`];
  } catch (error) {
    return [`the caBundle of the webhook is no certificate (${(error as Error).message}): ${remedy}`];
  }
}

async function tried(api: ClusterApi, signal: AbortSignal): Promise<Outcome> {
  const body = {
    apiVersion: 'tocsin.dev/v1alpha1',
    kind: 'ClusterAlertTrigger',
    metadata: { generateName: 'tocsin-check-' },
    spec: {
      matchers: ['severity=~"["'],
      targets: [{ apiVersion: 'v1', kind: 'Node', name: 'a' }],
      action: { log: {} },
    },
  };
  const path = '/apis/tocsin.dev/v1alpha1/clusteralerttriggers';
  try {
    await api.call({ method: 'POST', path, query: { dryRun: 'All' }, body, signal });
  } catch (error) {
    const text = (error as Error).message;
    if (/spec\.matchers\[0\]/.test(text)) return ok('it refuses a trigger that is wrong');
    if (statusOf(error) === 403 && !/denied the request/.test(text))
      return skipped(`it cannot be tried: ${text}; give a user that may create clusteralerttriggers.tocsin.dev`);
    throw error;
  }
  return problem([
    'the API server took a trigger that Tocsin would refuse (nothing was stored): it cannot ask Tocsin, and lets everything pass',
    'does the certificate of the Secret tocsin-admission-tls have the name of the Service and the CA of caBundle, does Tocsin run with --web.admission-listen-address, and does a NetworkPolicy close its port?',
  ]);
}
