const uuid = /^[\da-f]{8}-?[\da-f]{4}-?[\da-f]{4}-?[\da-f]{4}-?[\da-f]{12}$/i;

/** What go-openapi takes for a UUID in a path. */
export function isUuid(text: string): boolean {
  return uuid.test(text);
}
