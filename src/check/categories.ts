import type { Category } from './check.ts';
import { configuration, type ConfigurationSource } from './configuration.ts';
import { kubernetesApi, type ClusterSource } from './kubernetes-api.ts';

/** What stands around the way of an alert, and how to reach it. */
export interface CheckSources {
  readonly configuration: ConfigurationSource;
  readonly cluster: ClusterSource;
}

/** The categories of `tocsin check`, in the order of the alert's way. Nothing is read before they run. */
export function allCategories(sources: CheckSources): readonly Category[] {
  return [configuration(sources.configuration), kubernetesApi(sources.cluster)];
}

/** The categories of `tocsin check --pre`. */
export function preCategories({ cluster }: CheckSources): readonly Category[] {
  return [kubernetesApi(cluster)];
}
