/** A right that somebody lacks, in RBAC's words. */
export interface MissingRight {
  readonly verb: string;
  /** With its subresource and group, as kubectl names it: `tracepipelines/status.telemetry.kyma-project.io`. */
  readonly resource: string;
}

/**
 * `tracepipelines.example.com "cls" is forbidden: User "me" cannot patch resource "tracepipelines/status" in API group
 * "example.com" at the cluster scope`. The API server itself writes this beginning, whichever authorizer refuses. What an
 * admission plugin says stands behind the colon too, but never begins with a user.
 */
const sentence =
  /^(?:[\w.-]+(?:\/[\w.-]+)?(?: "(?:[^"\\]|\\.)*")? is )?forbidden: User "(?:[^"\\]|\\.)*" cannot (\w+) resource "([\w./-]+)" in API group "([\w.-]*)"/;

/**
 * The right that the message of a 403 says is missing. Undefined if it names none: then an admission policy, a namespace that
 * goes away or something between refused, and no right would help.
 */
export function missingRight(message: string): MissingRight | undefined {
  const [, verb, resource, group] = sentence.exec(message) ?? [];
  if (verb === undefined || resource === undefined) return undefined;
  return { verb, resource: group ? `${resource}.${group}` : resource };
}
