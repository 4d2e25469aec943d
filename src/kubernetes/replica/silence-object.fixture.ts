import type { SilenceLimits } from '../../silence/silence-rules.ts';
import type { Silence } from '../../silence/silence.ts';
import { readSilenceObject, silenceReader, silencesPath, type SilenceObject } from './silence-object.ts';

export const silenceLimits: SilenceLimits = {
  maxSilences: 1000,
  maxBytes: 64 * 1024,
  retentionMs: 10_000,
  maxMemoryBytes: 32 * 1024 * 1024,
};

/** An object as the API server sends it, in the namespace `tocsin`. */
export function silenceObject(metadata: object, spec?: object, status?: object): SilenceObject {
  const times = { creationTimestamp: '2026-11-30T20:00:00Z' };
  const object = {
    metadata: {
      name: 'db',
      namespace: 'tocsin',
      uid: 'uid-1',
      resourceVersion: '1',
      generation: 1,
      ...times,
      ...metadata,
    },
    spec: { matchers: ['job="node"'], endsAt: '2026-11-30T22:00:00Z', createdBy: 'me', comment: 'c', ...spec },
    ...(status !== undefined && { status }),
  };
  const served = { apiVersion: 'tocsin.dev/v1alpha1', kind: 'Silence', path: silencesPath('tocsin') };
  return silenceReader.read(object, served);
}

/** Runs all steps at once. */
export function silenceOf(object: SilenceObject, limits = silenceLimits): Silence {
  const steps = readSilenceObject(object, limits);
  for (let step = steps.next(); ; step = steps.next()) if (step.done === true) return step.value;
}
