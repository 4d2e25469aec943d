import type { LabelSet } from '../alert/labels.ts';
import { nearestName } from '../config/settings/unknown-key.ts';
import { showValue } from '../config/settings/show-value.ts';
import { withSuggestion } from '../config/settings/reader.ts';
import type { Template, TemplateData } from './trigger.ts';

/** A template cannot be compiled. The message is for its author, and names the place. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError';
}

/** In characters. A name has at most 253, and an annotation should be short. */
export const maxTemplateLength = 1024;

type Part = (data: TemplateData) => string;

/** What may stand between `{{` and `}}`, for a message to a person. */
const places = 'labels.NAME, labels["NAME"], annotations.NAME, annotations["NAME"], alertname, now';

/** Names the place of a fault: a text with an error may have many lines. */
const openPlace = '{{';
const closePlace = '}}';

/**
 * Compiles a text with places such as `{{ labels.pod }}`. A text without `{{` stands for itself. Throws a TemplateError with the
 * number of the character at which the fault is, from 1.
 */
export function compileTemplate(text: string): Template {
  if (text.length > maxTemplateLength)
    throw new TemplateError(`found ${text.length} characters, allowed: at most ${maxTemplateLength}`);
  const parts = [...readParts(text)];
  const isFixed = parts.every((part) => typeof part === 'string');
  const fixed = isFixed ? parts.join('') : '';
  const render = (data: TemplateData): string =>
    parts.map((part) => (typeof part === 'string' ? part : part(data))).join('');
  return { text, isFixed, render: isFixed ? (): string => fixed : render };
}

/** In characters. Kubernetes itself would accept 256 KiB for all annotations of an object. */
const maxAnnotationValue = 256;

/** The text for the value of an annotation: one short line, whatever the alert brings in. */
export function annotationValue(template: Template, data: TemplateData): string {
  const line = template
    .render(data)
    .replaceAll(/\p{Cc}+/gu, ' ')
    .trim();
  // toWellFormed(): the cut may go through a character.
  return line.slice(0, maxAnnotationValue).toWellFormed();
}

function* readParts(text: string): Generator<string | Part, void> {
  let at = 0;
  for (let open = text.indexOf(openPlace); open !== -1; open = text.indexOf(openPlace, at)) {
    if (open > at) yield text.slice(at, open);
    const close = endOfPlace(text, open);
    yield readPlace(text.slice(open + openPlace.length, close), open);
    at = close + closePlace.length;
  }
  if (at < text.length) yield text.slice(at);
}

/** What a quoted name may hold: a quote and a backslash are written with a backslash. */
const inside = /(?:"(?:[^"\\]|\\.)*"|(?!\}\})[^"])*/sy;

function endOfPlace(text: string, open: number): number {
  inside.lastIndex = open + openPlace.length;
  inside.exec(text);
  if (text.startsWith(closePlace, inside.lastIndex)) return inside.lastIndex;
  throw new TemplateError(`character ${open + 1}: found ${openPlace} without ${closePlace}, allowed: ${places}`);
}

const place = /^\s*(?:(labels|annotations)(?:\.([a-zA-Z_]\w*)|\[\s*("(?:[^"\\]|\\.)*")\s*\])|(alertname|now))\s*$/s;

function readPlace(written: string, open: number): Part {
  const [, map, plain, quoted, word] = place.exec(written) ?? [];
  const name = plain ?? (quoted === undefined ? undefined : readQuoted(quoted));
  if (map !== undefined && name !== undefined) return valueIn(map === 'labels' ? 'labels' : 'annotations', name);
  if (word === 'alertname') return valueIn('labels', 'alertname');
  if (word === 'now') return ({ now }) => new Date(now).toISOString();
  const found = `character ${open + 1}: found ${showValue(written.trim())}`;
  throw new TemplateError(withSuggestion(found, intended(written.trim()), places));
}

function readQuoted(quoted: string): string | undefined {
  try {
    return JSON.parse(quoted) as string;
  } catch {
    return undefined;
  }
}

function valueIn(map: 'labels' | 'annotations', name: string): Part {
  return (data) => valueOf(data[map], name);
}

function valueOf(labels: LabelSet, name: string): string {
  return Object.hasOwn(labels, name) ? labels[name]! : '';
}

/** Go's templates have `$labels.x` and `.Labels.x`. */
function intended(written: string): string | undefined {
  const [, word = '', rest = ''] = /^[$.]*(\w+)(.*)$/s.exec(written) ?? [];
  const known = nearestName(word, ['labels', 'annotations', 'alertname', 'now']);
  const mended = known === undefined ? '' : `${known}${rest}`;
  return mended !== written && place.test(mended) ? mended : undefined;
}
