/** What an object's name must be, for a message to a person. */
export const dnsSubdomainRule =
  'a DNS-1123 subdomain (lower-case letters, digits, "-" and ".", with a letter or digit at both ends of each part), at most 253 characters';

const maxLength = 253;
const label = '[a-z0-9](?:[-a-z0-9]*[a-z0-9])?';
const subdomain = new RegExp(`^${label}(?:\\.${label})*$`);

/**
 * True for a name that Kubernetes takes (apimachinery's IsDNS1123Subdomain).
 * Such a name is safe as a file name too: it holds no slash, does not start with a dot, and `..` cannot occur.
 */
export function isDnsSubdomain(name: string): boolean {
  return name.length <= maxLength && subdomain.test(name);
}
