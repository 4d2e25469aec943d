import { readFile } from 'node:fs/promises';
import { parseAllDocuments } from 'yaml';
import type { KubeApiServer } from './kube-api-server.ts';

interface RoleOrBinding {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

/**
 * A kubeconfig of a new ServiceAccount in `default` with the rights in these files of `k8s/`, and no others: a test that uses
 * it fails if the project's own manifests do not grant enough.
 * @param url of a proxy in front of the API server
 */
export async function kubeconfigWith(
  kube: KubeApiServer,
  name: string,
  files: readonly string[],
  url = kube.url,
): Promise<string> {
  const texts = await Promise.all(files.map((file) => readFile(new URL(`../../k8s/${file}`, import.meta.url), 'utf8')));
  const objects = texts.flatMap((text) => parseAllDocuments(text).map((document) => document.toJS() as RoleOrBinding));
  // All at once: kubectl takes longer to start than to apply.
  await kube.apply(
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace: 'default' } },
    ...objects.map((object) => (object.kind.endsWith('RoleBinding') ? boundTo(object, name) : object)),
  );
  return kube.kubeconfigFor(await kube.createToken(name, 'default'), url);
}

function boundTo(binding: RoleOrBinding, name: string): object {
  const subjects = [{ kind: 'ServiceAccount', name, namespace: 'default' }];
  return { ...binding, metadata: { ...binding.metadata, name: `${binding.metadata.name}-${name}` }, subjects };
}
