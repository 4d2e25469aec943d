/** What Go takes for a blank, as a part of a character class. */
export const blankClass = '\\t-\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';

/** What cannot stand in a matcher of Alertmanager's UTF-8 grammar outside of quotes, blanks among it. */
export const reservedClass = `${blankClass}{}!=~,\\\\"'\``;
