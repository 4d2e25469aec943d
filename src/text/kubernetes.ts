/** The rules of Kubernetes for names and keys, from `k8s.io/apimachinery/pkg/util/validation`. */

const label = '[a-z0-9](?:[-a-z0-9]*[a-z0-9])?';
const subdomain = new RegExp(`^${label}(?:\\.${label})*$`);
const dnsLabel = new RegExp(`^${label}$`);
const qualifiedName = /^[A-Za-z0-9](?:[-\w.]{0,61}[A-Za-z0-9])?$/;
const groupVersion = /^(?:([^/]+)\/)?(v\d+(?:(?:alpha|beta)\d+)?)$/;

const maxSubdomainLength = 253;
const maxLabelLength = 63;

/** The rule of {@link isDnsSubdomain}, for a message to a person. */
export const dnsSubdomainRule =
  'a DNS-1123 subdomain (lower-case letters, digits, "-" and ".", with a letter or digit at both ends of each part), at most 253 characters';

/**
 * True for the name of an object (IsDNS1123Subdomain). Such a name is also a safe file name: it holds no slash, does not start
 * with a dot, and cannot be `..`.
 */
export function isDnsSubdomain(name: string): boolean {
  return name.length <= maxSubdomainLength && subdomain.test(name);
}

/** The rule of {@link isDnsLabel}, for a message to a person. */
export const dnsLabelRule =
  'a DNS-1123 label (lower-case letters, digits and "-", with a letter or digit at both ends), at most 63 characters';

/** True for the name of a namespace (IsDNS1123Label). */
export function isDnsLabel(name: string): boolean {
  return name.length <= maxLabelLength && dnsLabel.test(name);
}

/** True for the key of a label (IsQualifiedName): `name` or `prefix/name`. */
export function isLabelKey(key: string): boolean {
  const at = key.indexOf('/');
  return (at === -1 || isDnsSubdomain(key.slice(0, at))) && qualifiedName.test(key.slice(at + 1));
}

/** True for the key of an annotation: as that of a label, but the prefix may be in any case. */
export function isAnnotationKey(key: string): boolean {
  const at = key.indexOf('/');
  return isLabelKey(key.slice(0, at + 1).toLowerCase() + key.slice(at + 1));
}

/** True for the value of a label (IsValidLabelValue). */
export function isLabelValue(value: string): boolean {
  return value === '' || qualifiedName.test(value);
}

/** The group and the version of an `apiVersion`; the core group is empty. Undefined if it is none. */
export function readApiVersion(text: string): { readonly group: string; readonly version: string } | undefined {
  const [, group = '', version] = groupVersion.exec(text) ?? [];
  return version === undefined || (group !== '' && !isDnsSubdomain(group)) ? undefined : { group, version };
}
