import * as z from 'zod';
import { HttpConfig } from './http-config.ts';
import { formatDuration } from './settings/duration.ts';
import { readHttpUrl } from './settings/http-url.ts';
import type { Reader } from './settings/reader.ts';
import { listOf, secretSection, section, setting } from './settings/setting.ts';
import { orNull, readDuration, readName, readPath } from './settings/value-readers.ts';
import { isDnsLabel, isDnsSubdomain } from '../text/kubernetes.ts';

const readEnabled: Reader<boolean | 'auto'> = (found) =>
  typeof found === 'boolean' || found === 'auto' ? { value: found } : { allowed: 'auto, true or false' };

const readNamespace: Reader<string> = (found) =>
  typeof found === 'string' && isDnsLabel(found) ? { value: found } : { allowed: 'the name of a namespace' };

const readObjectName: Reader<string> = (found) =>
  typeof found === 'string' && isDnsSubdomain(found)
    ? { value: found }
    : { allowed: 'the name of an object of Kubernetes: lower-case letters, digits, - and .' };

/** Below a second the calls themselves take too large a part of it. */
const readTiming = readDuration('1s', '10m');

/** As client-go: a renewal that is tried again with its jitter must still be in time. */
const jitteredTries = 1.2;

interface Timings {
  readonly duration: number;
  readonly renew_deadline: number;
  readonly retry_period: number;
}

type TimingName = keyof Timings;

/** @param least the least value of `name`, given the value of `other` */
function atLeast(
  name: TimingName,
  other: TimingName,
  words: string,
  isGood: (timings: Timings) => boolean,
): z.core.$ZodCheck<Timings> {
  return z.refine<Timings>(isGood, {
    path: [name],
    error: ({ input }) => {
      const timings = input as Timings;
      return `found "${formatDuration(timings[name])}", allowed: ${words} ${other}, which is "${formatDuration(timings[other])}"`;
    },
    // Without this, zod would not report it when another key of the section is wrong.
    when: ({ value }) => {
      const timings = value as Readonly<Record<TimingName, unknown>>;
      return typeof timings[name] === 'number' && typeof timings[other] === 'number';
    },
  });
}

const longerThanDeadline = atLeast(
  'duration',
  'renew_deadline',
  'longer than',
  ({ duration, renew_deadline }) => duration > renew_deadline,
);
const longerThanRetries = atLeast(
  'renew_deadline',
  'retry_period',
  `longer than ${jitteredTries} times`,
  ({ renew_deadline, retry_period }) => renew_deadline > jitteredTries * retry_period,
);

/** Several replicas of one Tocsin, of which one writes. The defaults of the lease are those of client-go. */
export const ReplicasSection = secretSection({
  /** `auto`: where the pod has a ServiceAccount and knows its name, from `POD_NAME`. */
  enabled: setting(readEnabled, 'auto'),
  /** This replica's name. Null: `POD_NAME` of the environment, or else the name of the host. */
  identity: setting(orNull(readName), null),
  lease: section(
    {
      /** Null: the namespace of the pod, or else `default`. */
      namespace: setting(orNull(readNamespace), null),
      name: setting(readObjectName, 'tocsin'),
      duration: setting(readTiming, '15s'),
      renew_deadline: setting(readTiming, '10s'),
      retry_period: setting(readTiming, '2s'),
    },
    longerThanDeadline,
    longerThanRetries,
  ),
  /** The headless Service whose ready endpoints are the replicas. */
  service: setting(readObjectName, 'tocsin-peers'),
  /** The URLs of the replicas, in place of `service`. */
  peers: listOf(readHttpUrl, { allowed: 'a list of http or https URLs' }),
  /** The URL of this replica among `peers`. */
  advertise: setting(orNull(readHttpUrl), null),
  /** The file of the token that replicas show each other. Null: that of the pod's ServiceAccount. */
  token_file: setting(orNull(readPath), null),
  /** How a replica calls another one. */
  http_config: HttpConfig,
});
