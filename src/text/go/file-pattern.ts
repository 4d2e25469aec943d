/** The parts of a pattern of Go's `filepath.Match`: an escaped character, a class, or any other one. */
const parts = /\\([^])|\[(\^?)((?:\\[^]|[^\\\]])+)\]|[^]/g;

/**
 * The paths that a pattern of Go's `filepath.Match` names, as an expression. `*` and `?` do not match a slash. A pattern that Go refuses
 * matches itself.
 */
export function filePattern(pattern: string): RegExp {
  const source = pattern.replaceAll(parts, (part: string, escaped?: string, not?: string, members?: string) => {
    if (escaped !== undefined) return escape(escaped);
    if (members !== undefined) return `[${not}${classOf(members)}]`;
    if (part === '*') return '[^/]*';
    return part === '?' ? '[^/]' : escape(part);
  });
  try {
    return new RegExp(`^(?:${source})$`, 'u');
  } catch {
    return new RegExp(`^${escape(pattern)}$`, 'u');
  }
}

/** The members of a class, where only a hyphen means something. */
function classOf(members: string): string {
  return members.replaceAll(/\\([^])|([^-])/gu, (_, escaped?: string, plain?: string) =>
    escapeMember(escaped ?? plain!),
  );
}

function escape(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`);
}

function escapeMember(text: string): string {
  return text.replaceAll(/[\\^\]-]/g, String.raw`\$&`);
}
