const defaultMaxCharacters = 200;
/** Enough for characters of the longest kind, so that a long text is not searched to its end. */
const unitsPerCharacter = 8;

/**
 * The beginning of a text that a stranger sent, fit for an error message: on one line, without control and formatting
 * characters (they could steer the reader's terminal), of a limited number of characters.
 */
export function excerpt(text: string, maxCharacters = defaultMaxCharacters): string {
  const maxCodeUnits = unitsPerCharacter * maxCharacters;
  const clean = text
    .slice(0, maxCodeUnits)
    .toWellFormed()
    .replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, ' ')
    .trim();
  const characters = Array.from(clean);
  const whole = text.length <= maxCodeUnits && characters.length <= maxCharacters;
  return whole ? clean : `${characters.slice(0, maxCharacters - 1).join('')}…`;
}
