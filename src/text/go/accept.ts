/**
 * Whether a request takes JSON: one of the types that it accepts is JSON or has a star in its place, with a weight above 0.
 * The rule is that of github.com/go-openapi/runtime: a star counts even where JSON itself has the weight 0.
 */
export function acceptsJson(header: string | undefined): boolean {
  if (header === undefined) return true;
  return header.split(',').some((part) => {
    const [type = '', ...parameters] = part.split(';').map((text) => text.trim().toLowerCase());
    return ['application/json', 'application/*', '*/*'].includes(type) && !parameters.some((text) => isZero(text));
  });
}

function isZero(parameter: string): boolean {
  return /^q=0(?:\.0*)?$/.test(parameter);
}
