import { AnchoredRegexp, compileRegexp } from '../../matcher/anchored-regexp.ts';
import type { Reader } from '../settings/reading.ts';

const allowed = 'a regular expression in RE2 syntax for the whole origin, as in https://grafana\\.example\\.com';

/** Reads the expression for the origins of web pages that may call the API, as Prometheus and Alertmanager take it. */
export const readCorsOrigin: Reader<AnchoredRegexp> = (found) => {
  if (typeof found !== 'string' || found === '') return { allowed };
  try {
    // As it was written first: `a)|(b` compiles only inside of what is put around it, and then lets in what ends with b.
    compileRegexp(found);
    return { value: new AnchoredRegexp(found) };
  } catch (error) {
    return { allowed: `${allowed} (${(error as Error).message})` };
  }
};
