import * as z from 'zod';
import { HttpConfig } from './http-config.ts';
import { formatDuration } from './settings/duration.ts';
import { readHttpUrl } from './settings/http-url.ts';
import type { Reader } from './settings/reader.ts';
import { listOf, secretSection, section, setting } from './settings/setting.ts';
import { orNull, readDuration, readPath } from './settings/value-readers.ts';
import { isDnsLabel, isDnsSubdomain } from '../text/kubernetes.ts';

const readEnabled: Reader<boolean | 'auto'> = (found) =>
  typeof found === 'boolean' || found === 'auto' ? { value: found } : { allowed: 'auto, true or false' };

const readNamespace: Reader<string> = (found) =>
  typeof found === 'string' && isDnsLabel(found) ? { value: found } : { allowed: 'the name of a namespace' };

const readObjectName: Reader<string> = (found) =>
  typeof found === 'string' && isDnsSubdomain(found)
    ? { value: found }
    : { allowed: 'the name of an object of Kubernetes: lower-case letters, digits, - and .' };

/** It is in a header of each call, and in the answers of the others. */
const readIdentity: Reader<string> = (found) =>
  typeof found === 'string' && /^[\x21-\x2b\x2d-\x7e]{1,253}$/.test(found)
    ? { value: found }
    : { allowed: 'a name of at most 253 ASCII characters without blanks and commas' };

const readPeerUrl: Reader<string> = (found) => {
  const reading = readHttpUrl(found);
  if (!('value' in reading)) return reading;
  const { username, password } = new URL(reading.value);
  if (username === '' && password === '') return reading;
  return { allowed: 'a URL without name and password: replicas prove themselves with their token', secret: true };
};

/** What replicas show each other is their token, and nobody stands between them: anything else would be left out, or break each call. */
const nothingButTls = z.refine<{ readonly http_config: HttpConfig }>(
  ({ http_config: { basic_auth, authorization, http_headers, proxy_url, proxy_from_environment } }) =>
    [basic_auth.username, basic_auth.username_file, basic_auth.password, basic_auth.password_file].every(isNull) &&
    [authorization.credentials, authorization.credentials_file, proxy_url].every(isNull) &&
    proxy_from_environment !== true &&
    ![...http_headers.keys()].some((name) => name.toLowerCase() === 'authorization'),
  {
    path: ['http_config'],
    error:
      'found credentials or a proxy, allowed: tls_config, and http_headers other than Authorization; replicas show their token, see replicas.token_file',
  },
);

function isNull(value: unknown): boolean {
  return value === null;
}

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
export const ReplicasSection = secretSection(
  {
    /** `auto`: where the pod has a ServiceAccount and knows its name, from `POD_NAME`. */
    enabled: setting(readEnabled, 'auto'),
    /** This replica's name. Null: `POD_NAME` of the environment, or else the name of the host. */
    identity: setting(orNull(readIdentity), null),
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
    peers: listOf(readPeerUrl, { allowed: 'a list of http or https URLs' }),
    /** The URL of this replica among `peers`. */
    advertise: setting(orNull(readPeerUrl), null),
    /** The file of the token that replicas show each other. Null: that of the pod's ServiceAccount. */
    token_file: setting(orNull(readPath), null),
    /** How a replica calls another one. */
    http_config: HttpConfig,
  },
  nothingButTls,
);
