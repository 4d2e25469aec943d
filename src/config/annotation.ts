import type { Reader } from './settings/reading.ts';

/** Kubernetes' limits of an annotation's key: the prefix, a DNS subdomain, and the name. */
const maxPrefixLength = 253;
const prefixPattern = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const namePattern = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;

/** Of a value; Kubernetes itself would take 256 KiB for all annotations of an object. */
const maxValueLength = 256;

/** The key of an annotation, as Kubernetes checks it: `name` or `prefix/name`, the prefix in lower case or not. */
export const readAnnotationKey: Reader<string> = (found) => {
  const allowed = "an annotation's key, as example.com/requested-at";
  if (typeof found !== 'string') return { allowed };
  const parts = found.split('/');
  const prefix = parts.length === 2 ? parts[0]! : 'none';
  const isKey =
    parts.length <= 2 &&
    prefix.length <= maxPrefixLength &&
    prefixPattern.test(prefix.toLowerCase()) &&
    namePattern.test(parts.at(-1)!);
  return isKey ? { value: found } : { allowed };
};

/** The value of an annotation, one short line. */
export const readAnnotationValue: Reader<string> = (found) => {
  const isValue = typeof found === 'string' && found.length <= maxValueLength && !/\p{Cc}/u.test(found);
  return isValue
    ? { value: found }
    : { allowed: `a text of one line of at most ${maxValueLength} characters, or null` };
};
