/** The reason why a body with this Content-Type is not read. */
interface MediaTypeProblem {
  readonly status: 400 | 415;
  readonly message: string;
}

const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const mediaType = new RegExp(
  `^\\s*(${token}/${token})\\s*((?:;\\s*${token}\\s*=\\s*(?:${token}|"(?:[^"\\\\]|\\\\.)*")\\s*)*;?\\s*)$`,
);

const parameterName = new RegExp(`;\\s*(${token})\\s*=\\s*(?:${token}|"(?:[^"\\\\]|\\\\.)*")`, 'g');

/**
 * The check of Alertmanager 0.33 and newer: only `application/json` passes, in any letter case, with any well-formed parameters.
 * Undefined if it passes.
 * @param header undefined or '' if there is none, which counts as application/octet-stream
 */
export function mediaTypeProblem(header: string | undefined): MediaTypeProblem | undefined {
  // The header of every Prometheus.
  if (header === 'application/json') return undefined;
  const given = header === undefined || header.trim() === '' ? 'application/octet-stream' : header;
  const match = given.length <= 1024 ? mediaType.exec(given) : null;
  if (match === null) {
    const shown = JSON.stringify(given.slice(0, 100));
    return { status: 400, message: `parsing Content-Type header from ${shown} failed: expected application/json` };
  }
  if (repeatsParameter(match[2]!)) {
    return { status: 400, message: 'parsing Content-Type header failed: a parameter is given twice' };
  }
  const type = match[1]!.toLowerCase();
  if (type === 'application/json') return undefined;
  const allowed = `unsupported media type "${type}", only [application/json] are allowed`;
  return { status: 415, message: `${allowed}; with curl, add: -H 'Content-Type: application/json'` };
}

function repeatsParameter(parameters: string): boolean {
  const names = [...parameters.matchAll(parameterName)].map(([, name]) => name!.toLowerCase());
  return new Set(names).size < names.length;
}

/**
 * True if a request accepts JSON: one of its types is JSON or a star in its place, with a weight above 0. The rule is that of
 * github.com/go-openapi/runtime: a star counts even if JSON itself has the weight 0.
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
