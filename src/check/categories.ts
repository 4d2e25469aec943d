import { beforeInstallation } from './before-installation.ts';
import { Chain, type ChainSource } from './chain.ts';
import type { Category, Check } from './check.ts';
import { advised, type ClusterSource } from './cluster.ts';
import { configMaps } from './config-maps.ts';
import { configuration, type ConfigurationSource } from './configuration.ts';
import { delivery } from './delivery.ts';
import { kinds } from './kinds.ts';
import { kubernetesApi, kubernetesVersion } from './kubernetes-api.ts';
import { notify, type NotifySource } from './notify.ts';
import { pipelines, type PipelineSource } from './pipelines.ts';
import { pods } from './pods.ts';
import { prometheus } from './prometheus.ts';
import { replicas } from './replicas.ts';
import { rights } from './rights.ts';
import { rules } from './rules.ts';
import { storage, type StorageSource } from './storage.ts';
import { tenants, type TenantSource } from './tenants.ts';
import { tocsin } from './tocsin.ts';
import { triggers, type TriggerSource } from './triggers.ts';
import { watchdog } from './watchdog.ts';

/** What stands around the way of an alert, and how to reach it. */
export interface CheckSources {
  readonly configuration: ConfigurationSource;
  readonly storage: StorageSource;
  readonly cluster: ClusterSource;
  readonly folder: PipelineSource['folder'];
  /** By which the triggers of the cluster are read. Throws if the configuration is not valid. */
  readonly triggerRules: TriggerSource['rules'];
  readonly chain: ChainSource;
  /** Only if the configuration has tenants. */
  readonly tenants?: TenantSource | undefined;
  /** Only with `--notify`. */
  readonly notify?: NotifySource | undefined;
}

/** The categories of `tocsin check`, in the order of the alert's way. Nothing is read before they run. */
export function allCategories(sources: CheckSources): readonly Category[] {
  const cluster = advised(sources.cluster);
  const chain = new Chain(sources.chain);
  return [
    configuration(sources.configuration),
    storage(sources.storage),
    kubernetesApi(cluster),
    kubernetesVersion(cluster),
    kinds(cluster),
    rights(cluster),
    pipelines({ ...sources, cluster }),
    pods(cluster),
    configMaps({ ...sources, cluster }),
    triggers({ cluster, rules: sources.triggerRules }),
    prometheus(chain),
    rules(chain),
    delivery(chain),
    tocsin(chain),
    replicas(chain, cluster),
    watchdog(chain),
    ...(sources.tenants === undefined ? [] : [tenants(sources.tenants, chain)]),
    ...(sources.notify === undefined ? [] : [notify(sources.notify)]),
  ];
}

/** The categories of `tocsin check --pre`. */
export function preCategories(sources: CheckSources): readonly Category[] {
  const cluster = advised(sources.cluster);
  return [kubernetesApi(cluster), kubernetesVersion(cluster), atOnce(kinds(cluster)), beforeInstallation(cluster)];
}

/** Nothing becomes true by itself before an installation. */
function atOnce(category: Category): Category {
  return { ...category, checks: category.checks.map(once) };
}

function once(check: Check): Check {
  const { retryable: _, ...rest } = check;
  return rest;
}
