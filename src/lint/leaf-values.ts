import { parseDuration, suggestDuration } from '../config/settings/duration.ts';
import { compileRegexp, RegexpTooLargeError } from '../matcher/anchored-regexp.ts';
import type { LintCode } from './codes.ts';
import type { YamlValue } from './yaml-value.ts';

/** Why a value is refused. */
export interface LeafProblem {
  readonly code: LintCode;
  readonly message: string;
  readonly hint: string;
  /** What was probably meant. */
  readonly suggestion?: string | undefined;
}

type Check = (value: YamlValue, text: string) => LeafProblem | undefined;

const booleans = /^(?:true|false|yes|no|on|off|y|n)$/i;
const integer = /^[-+]?(?:\d[\d_]*|0x[\da-f]+|0o?[0-7]+)$/i;
const number = /^[-+]?(?:\d[\d_]*(?:\.\d*)?|\.\d+|\.inf|\.nan)(?:e[-+]?\d+)?$/i;
const goDuration = /^[-+]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|\u00b5s|\u03bcs|ms|s|m|h))+$|^[-+]?0$/;

/** What a value has to be, by the type of its key. A type that is not here takes every text. */
const checks: Readonly<Record<string, Check>> = {
  bool: (value, text) => (isPlain(value) && booleans.test(text) ? undefined : wrong(text, 'true or false')),
  int: (value, text) => (isPlain(value) && number.test(text) ? undefined : wrong(text, 'a whole number')),
  count: (value, text) =>
    isPlain(value) && number.test(text) && Number(text) >= 0 ? undefined : wrong(text, 'a whole number from 0 up'),
  float: (value, text) => (isPlain(value) && number.test(text) ? undefined : wrong(text, 'a number')),
  duration: (_, text) => checkDuration(text),
  goDuration: (value, text) =>
    goDuration.test(text) || (isPlain(value) && integer.test(text)) ? undefined : badDuration(text),
  regexp: (_, text) => checkRegexp(text),
  url: (_, text) => checkUrl(text),
  secretUrl: (_, text) => checkUrl(text),
  hostPort: (_, text) =>
    text === '' || /^[^:]*:\S+$|^\[.*\]:\S+$/.test(text)
      ? undefined
      : bad(text, 'HOST:PORT, as in smtp.example.com:587'),
  size: (_, text) =>
    /^0$|^\d+(?:\.\d+)?(?:(?:[KMGTPE]i?)?B|[KMGTPE]i?)$/.test(text) ? undefined : bad(text, 'a size, as in 15MB'),
  labelName: (_, text) => (text === '' ? bad(text, 'the name of a label') : undefined),
};

/** Checks one value. Null is right everywhere: programs then take the default. */
export function checkLeaf(type: string, value: YamlValue): LeafProblem | undefined {
  if (value.kind === 'null' || type === 'any') return undefined;
  if (value.kind !== 'scalar') {
    const found = value.kind === 'map' ? 'a map' : 'a list';
    return { code: 'wrong-type', message: `found ${found}, allowed: one value`, hint: 'write one value in its place' };
  }
  return checks[type]?.(value, value.text ?? '');
}

/** Quoted, `"true"` is a text. */
function isPlain({ style }: YamlValue): boolean {
  return style === 'plain';
}

function wrong(text: string, allowed: string): LeafProblem {
  return {
    code: 'wrong-type',
    message: `found ${shown(text)}, allowed: ${allowed}`,
    hint: `write ${allowed}, without quotes`,
  };
}

function bad(text: string, allowed: string): LeafProblem {
  return { code: 'bad-value', message: `found ${shown(text)}, allowed: ${allowed}`, hint: `write ${allowed}` };
}

export function shown(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 59)}…` : text);
}

export function checkDuration(text: string): LeafProblem | undefined {
  return parseDuration(text) === undefined ? badDuration(text) : undefined;
}

function badDuration(text: string): LeafProblem {
  const suggestion = suggestDuration(text);
  return {
    code: 'bad-duration',
    message: `found ${shown(text)}, allowed: a duration such as 30s, 5m or 1h30m`,
    hint:
      suggestion === undefined ? 'write a number with its unit: ms, s, m, h, d, w, y' : `did you mean ${suggestion}?`,
    suggestion,
  };
}

export function checkRegexp(text: string): LeafProblem | undefined {
  try {
    compileRegexp(text);
    return undefined;
  } catch (error) {
    // The programs take it: their limit is higher.
    if (error instanceof RegexpTooLargeError) return undefined;
    const message = `no regular expression of RE2: ${(error as Error).message}`;
    return { code: 'bad-regexp', message, hint: 'mend the expression; RE2 has no look-around and no back-references' };
  }
}

/** Words that stand where a value is still to be put in. */
const placeholders =
  /^(?:<.*>|\{[\w -]*\}|\[[\w -]*\]|x{3,}|\.{3}|todo|fixme|changeme|change[-_ ]me|replace[-_ ]?me|placeholder|(?:your|my|insert|enter|put|add|replace)[-_ ].*|(?:[a-z]+[-_ ])*(?:slack|webhook|api|smtp|email|service|routing|bot)[-_ ]?(?:url|uri|token|key|hook|address|password))$/i;

/** True for `Slack-URL`, `<your token>`, `CHANGEME`. */
export function isPlaceholder(text: string): boolean {
  return placeholders.test(text.trim()) && !/^\{\{.*\}\}$/.test(text.trim());
}

export function checkUrl(text: string): LeafProblem | undefined {
  if (text === '' || text === '<secret>') return undefined;
  if (isPlaceholder(text)) {
    const message = `${shown(text)} is a placeholder, no URL`;
    return {
      code: 'placeholder',
      message,
      hint: 'put the real http or https URL in its place, for a secret one by a *_file key',
    };
  }
  const url = /^(?:https?|socks5h?):\/\/[^/?#\s]/.test(text) ? URL.parse(text) : null;
  if (url !== null || /\{\{/.test(text)) return undefined;
  const hasHost = /^[\w-]+(?:\.[\w-]+)*(?::\d+)?(?:\/\S*)?$/.test(text) && /[.:]/.test(text);
  return {
    code: 'bad-url',
    message: `found ${shown(text)}, allowed: a URL that begins with http:// or https://`,
    hint: hasHost ? `did you mean http://${text}?` : 'write the whole URL, with its scheme and host',
    suggestion: hasHost ? `http://${text}` : undefined,
  };
}
