import type { Reader } from './settings/reading.ts';

/** As the API server reads one: `Parse` of k8s.io/apimachinery/pkg/labels. */
const name = '[A-Za-z0-9](?:[-\\w.]{0,61}[A-Za-z0-9])?';
const prefix = '(?=[^/]{1,253}/)[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*/';
const key = `(?:${prefix})?${name}`;
const value = `(?:${name})?`;
const blank = '[ \\t\\r\\n]';
const values = `${blank}*${value}${blank}*`;

const requirement = [
  `!${blank}*${key}`,
  key,
  `${key}${blank}*(?:==?|!=)${blank}*${value}`,
  `${key}${blank}*[<>]${blank}*\\d{1,18}`,
  `${key}${blank}+(?:in|notin)${blank}*\\(${values}(?:,${values})*\\)`,
].join('|');
const one = `${blank}*(?:${requirement})${blank}*`;
const selector = new RegExp(`^${one}(?:,${one})*$`);

/** Every watch has it in its URL. */
const maxCharacters = 1000;

/** A label selector: equality, sets, existence, each separated by a comma from the next. */
export const readLabelSelector: Reader<string> = (found) =>
  typeof found === 'string' && found.length <= maxCharacters && selector.test(found)
    ? { value: found }
    : { allowed: 'a label selector in quotes, as kubectl -l takes it: "app=web,tier in (front, back),!old"' };
