/** The text without percent escapes. The URL parser keeps a `%` that starts no escape; then the text is meant as it stands. */
export function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
