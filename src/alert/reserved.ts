/**
 * Finds the first character that cannot stand in a matcher of the UTF-8 grammar outside of quotes: what is a blank to Go,
 * and ``{}!=~,\"'` ``.
 */
export const reserved = /[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000{}!=~,\\"'`]/;
