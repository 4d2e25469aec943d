const hyphenated = String.raw`[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}`;
const uuid = new RegExp(String.raw`^(?:(?:urn:uuid:)?${hyphenated}|\{${hyphenated}\}|[\da-f]{32})$`, 'i');

/** What go-openapi takes for a UUID in a path: every form of github.com/google/uuid. */
export function isUuid(text: string): boolean {
  return uuid.test(text);
}
