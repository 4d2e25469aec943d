import { checkFormats } from '../check/check-report.ts';
import { flagTable } from '../config/flags/flag-table.ts';
import { readChoice, readDuration, readName } from '../config/settings/value-readers.ts';
import { clientFlags } from './command.ts';

export const defaultNamespace = 'tocsin';

/** A folder of this machine says nothing about a Tocsin elsewhere. */
const { default: _, ...storagePathFlag } = flagTable.storagePath;

/** The flags of `tocsin check`. */
export const flags = {
  ...clientFlags,
  prometheusUrl: {
    ...flagTable.prometheusUrl,
    help: 'The Prometheus that sends the alerts.',
    otherwise: 'that of the file, or none',
  },
  configFile: {
    ...flagTable.configFile,
    help: 'The configuration of Tocsin.',
    otherwise: 'none',
  },
  storagePath: { ...storagePathFlag, help: 'The storage of a Tocsin on this machine.', otherwise: 'none' },
  pipelinesFolder: { ...flagTable.pipelinesFolder, otherwise: 'that of the file' },
  kubeconfig: {
    ...flagTable.kubeconfig,
    help: 'The cluster of the pipelines.',
    otherwise: 'as kubectl finds it, if Kubernetes is chosen',
  },
  context: {
    ...flagTable.context,
    help: 'The context of the kubeconfig.',
  },
  namespace: {
    name: 'namespace',
    short: 'n',
    placeholder: 'NAME',
    read: readName,
    help: 'The namespace of Tocsin; chooses Kubernetes.',
    unit: 'name',
    default: defaultNamespace,
  },
  as: {
    name: 'as',
    placeholder: 'USER',
    read: readName,
    help: 'Whose rights to check, as kubectl --as takes it.',
    unit: 'name',
    otherwise: 'the user of the kubeconfig',
  },
  pre: { name: 'pre', help: 'Check whether Tocsin can be installed in the cluster.' },
  notify: { name: 'notify', help: 'Send a test alert to each Alertmanager of notify: people may read it.' },
  wait: {
    name: 'wait',
    placeholder: 'TIME',
    read: readDuration('0s', '1d'),
    help: 'How long to try again what may become true; for all checks together.',
    unit: 'duration',
    default: '300s',
  },
  output: {
    name: 'output',
    short: 'o',
    placeholder: 'FORMAT',
    read: readChoice(checkFormats),
    help: 'How to show the results, as linkerd check does.',
    unit: checkFormats.join(', '),
    default: 'table',
  },
  verbose: { name: 'verbose', help: 'Tell what good checks found, and which were skipped.' },
} as const;
