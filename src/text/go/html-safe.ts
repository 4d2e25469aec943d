/** JSON as Go's encoder writes it: safe to stand inside HTML. */
export function htmlSafe(json: string): string {
  return json.replaceAll(/[<>&\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
