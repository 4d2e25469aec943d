import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments, stringify } from 'yaml';
import { kubectl } from './kubectl.ts';

/** The part of an object in a manifest that all objects have in common. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The objects that `kubectl apply -k FOLDER` would apply. @param folder from the project's root */
export async function kustomize(folder: string): Promise<readonly Manifest[]> {
  const text = await kubectl(['kustomize', folder]);
  return parseAllDocuments(text).map((document) => document.toJS() as Manifest);
}

interface Kustomization {
  readonly namespace?: string;
  /** Folders from the project's root. */
  readonly resources: readonly string[];
  /** Names of folders in `k8s/components/`. */
  readonly components?: readonly string[];
}

/** Creates a folder that is the base with these components, calls `use` with its path, and removes it. */
export function withComponents<T>(components: readonly string[], use: (folder: string) => Promise<T>): Promise<T> {
  return withKustomization({ resources: ['k8s/base'], components }, use);
}

/** What another project's installation would apply that has these in its own namespace. */
export function inNamespace(namespace: string, kustomization: Kustomization): Promise<readonly Manifest[]> {
  return withKustomization({ ...kustomization, namespace }, kustomize);
}

/** Creates a folder with this kustomization, calls `use` with its path, and removes it. */
export async function withKustomization<T>(
  { components = [], resources, ...rest }: Kustomization,
  use: (folder: string) => Promise<T>,
): Promise<T> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'kustomize-')));
  try {
    const kustomization = {
      apiVersion: 'kustomize.config.k8s.io/v1beta1',
      kind: 'Kustomization',
      ...rest,
      resources: resources.map((name) => relative(folder, join(root, name))),
      components: components.map((name) => relative(folder, join(root, 'k8s/components', name))),
    };
    await writeFile(join(folder, 'kustomization.yaml'), stringify(kustomization));
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The only object of that kind (and name). */
export function objectOf(manifests: readonly Manifest[], kind: string, name?: string): Manifest {
  const found = manifests.filter(
    (manifest) => manifest.kind === kind && (name === undefined || manifest.metadata.name === name),
  );
  const [first] = found;
  if (first === undefined || found.length > 1)
    throw new Error(`${found.length} objects ${kind} ${name ?? ''}, not one`);
  return first;
}

export interface PodManifest extends Omit<Manifest, 'spec'> {
  readonly spec: object;
}

/** The pod that the Deployment's controller would create. */
export function podOf(manifests: readonly Manifest[]): PodManifest {
  const { metadata, spec } = objectOf(manifests, 'Deployment') as unknown as {
    metadata: { namespace: string };
    spec: { template: { metadata: object; spec: object } };
  };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...spec.template.metadata, name: 'tocsin-from-template', namespace: metadata.namespace },
    spec: spec.template.spec,
  };
}

/** Sorts objects and lists, so that the order of components does not matter. */
export function sorted(manifests: readonly Manifest[]): unknown {
  return sortLists(
    manifests.toSorted((a, b) => `${a.kind}${a.metadata.name}`.localeCompare(`${b.kind}${b.metadata.name}`)),
  );
}

function sortLists(value: unknown): unknown {
  if (Array.isArray(value))
    return value.map(sortLists).toSorted((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, inner]) => [key, sortLists(inner)])
      .toSorted(),
  );
}
