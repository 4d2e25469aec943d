import { nearestName } from '../../config/settings/unknown-key.ts';
import { parseDuration } from '../../config/settings/duration.ts';
import { RegexpTooLargeError } from '../../matcher/anchored-regexp.ts';
import { parseMatcher } from '../../matcher/parse-matcher.ts';
import { shown } from '../leaf-values.ts';
import type { Rule, RuleContext } from '../rule.ts';
import type { YamlValue } from '../yaml-value.ts';

/** Routes, and the names in them. */
export const routeRule: Rule = (context) => {
  const { root } = context.subject;
  const route = root.get('route');
  checkRoot(root, route, context);
  if (route === undefined) return;
  const names = { receivers: namesIn(root.get('receivers')), intervals: intervalsIn(root) };
  checkRoute(route, names, context);
};

interface Names {
  readonly receivers: ReadonlySet<string>;
  readonly intervals: ReadonlySet<string>;
}

function namesIn(list: YamlValue | undefined): ReadonlySet<string> {
  return new Set(list?.items.map((item) => item.get('name')?.text ?? ''));
}

function intervalsIn(root: YamlValue): ReadonlySet<string> {
  return new Set([...namesIn(root.get('time_intervals')), ...namesIn(root.get('mute_time_intervals'))]);
}

const onlyBelow = ['match', 'match_re', 'matchers', 'mute_time_intervals', 'active_time_intervals'];

function checkRoot(root: YamlValue, route: YamlValue | undefined, { report }: RuleContext): void {
  if (route === undefined || route.kind === 'null') {
    const where = { start: root.range.start, end: root.range.start };
    report('missing-key', where, 'route: missing', { hint: 'add a route with a receiver: every alert needs a way' });
    return;
  }
  const receiver = route.get('receiver');
  if (receiver === undefined || receiver.kind === 'null' || receiver.text === '')
    report('missing-key', route, 'route.receiver: missing', {
      hint: 'the first route has to name the receiver for all that no other route takes',
    });
  for (const { key, keyRange, value } of route.entries)
    if (
      (onlyBelow.includes(key) && value.items.length + value.entries.length > 0) ||
      (key === 'continue' && value.scalar === true)
    )
      report('bad-route', keyRange, `route.${key}: not allowed in the first route, which takes every alert`, {
        hint: 'put it into a route below `routes`',
      });
}

function checkRoute(route: YamlValue, names: Names, context: RuleContext): void {
  checkReceiver(route.get('receiver'), names, context);
  for (const key of ['mute_time_intervals', 'active_time_intervals'])
    for (const item of route.get(key)?.items ?? []) checkInterval(item, names, context);
  checkTimes(route, context);
  checkGroupBy(route.get('group_by'), context);
  const routes = route.get('routes')?.items ?? [];
  checkOrder(routes, context);
  for (const inner of routes) checkRoute(inner, names, context);
}

function checkReceiver(receiver: YamlValue | undefined, { receivers }: Names, { report }: RuleContext): void {
  if (!receiver?.text || receivers.has(receiver.text)) return;
  const nearest = nearestName(receiver.text, receivers);
  const isSafe = nearest !== undefined && receiver.style === 'plain' && isSlip(receiver.text, nearest, receivers);
  report('undefined-receiver', receiver, `receiver ${shown(receiver.text)} is not defined`, {
    hint: nearest === undefined ? `defined are: ${[...receivers].join(', ') || 'none'}` : `did you mean ${nearest}?`,
    fix: isSafe ? { does: `writes ${nearest}`, edits: [{ ...receiver.range, text: nearest }] } : undefined,
  });
}

/** True if a name can be no other than the known one. `team-c` is not `team-a` misspelt, and `prod2` is not `prod`: alerts would go to others. */
function isSlip(name: string, known: string, all: ReadonlySet<string>): boolean {
  const near = [...all].filter((each) => nearestName(name, [each]) !== undefined);
  return near.length === 1 && /^[\w-]+$/.test(known) && fixedParts(name) === fixedParts(known);
}

/** Numbers and very short words of a name, which nobody misspells by accident. */
function fixedParts(name: string): string {
  const parts = name.split(/(\d+)|[-_]/).filter((part) => part !== undefined && part !== '');
  return parts.filter((part) => part.length < 3 || /\d/.test(part)).join(' ');
}

function checkInterval(item: YamlValue, { intervals }: Names, { report }: RuleContext): void {
  if (item.text !== undefined && !intervals.has(item.text))
    report('undefined-time-interval', item, `time interval ${shown(item.text)} is not defined`, {
      hint: `define it under time_intervals; defined are: ${[...intervals].join(', ') || 'none'}`,
    });
}

function checkTimes(route: YamlValue, { report }: RuleContext): void {
  for (const key of ['group_interval', 'repeat_interval']) {
    const value = route.get(key);
    if (value?.text !== undefined && parseDuration(value.text) === 0)
      report('bad-duration', value, `${key}: found 0, allowed: more`, { hint: 'write at least 1s' });
  }
}

function checkGroupBy(groupBy: YamlValue | undefined, { report }: RuleContext): void {
  const seen = new Set<string>();
  for (const item of groupBy?.items ?? []) {
    const name = item.text ?? '';
    if (seen.has(name))
      report('duplicate-name', item, `group_by: ${shown(name)} is given twice`, { hint: 'remove one' });
    if (name === '')
      report('bad-value', item, 'group_by: a label without a name', { hint: 'name the label, or remove it' });
    seen.add(name);
  }
  if (seen.has('...') && seen.size > 1 && groupBy !== undefined)
    report('bad-value', groupBy, 'group_by: "..." and other labels at once', {
      hint: '"..." groups by all labels: write it alone, or remove it',
    });
}

/** A route takes what it matches: what stands behind one that matches everything is never asked. */
function checkOrder(routes: readonly YamlValue[], { report }: RuleContext): void {
  const last = routes.findIndex((route) => takesAll(route));
  for (const route of last === -1 ? [] : routes.slice(last + 1))
    report('unreachable-route', route, 'no alert comes to this route: one before it takes every alert', {
      hint: 'the order of routes counts, that of top-level keys does not: put it first, or give the other `continue: true`',
    });
}

function takesAll(route: YamlValue): boolean {
  const isOpen = ['match', 'match_re', 'matchers'].every((key) => {
    const value = route.get(key);
    return value === undefined || (value.items.length === 0 && value.entries.length === 0 && value.kind !== 'scalar');
  });
  return (
    isOpen && route.kind === 'map' && route.get('continue')?.scalar !== true && !route.has('active_time_intervals')
  );
}

/** Matchers of routes and inhibitions. */
export const matcherRule: Rule = (context) => {
  const { root } = context.subject;
  const routes = root.get('route');
  if (routes !== undefined) checkMatchersOf(routes, ['matchers'], context);
  for (const rule of root.get('inhibit_rules')?.items ?? []) {
    checkMatchersOf(rule, ['source_matchers', 'target_matchers'], context);
    checkEqual(rule, context);
  }
};

function checkEqual(rule: YamlValue, { report }: RuleContext): void {
  for (const item of rule.get('equal')?.items ?? [])
    if (!item.text)
      report('bad-value', item, 'equal: a label without a name', { hint: 'name the label, or remove it' });
}

function checkMatchersOf(section: YamlValue, keys: readonly string[], context: RuleContext): void {
  for (const item of keys.flatMap((key) => section.get(key)?.items ?? []))
    if (item.text !== undefined) checkMatcher(item, item.text, context);
  for (const route of section.get('routes')?.items ?? []) checkMatchersOf(route, keys, context);
}

function checkMatcher(item: YamlValue, text: string, { report }: RuleContext): void {
  // One text may hold several, with braces or without: `{a="b", c="d"}`.
  const parts =
    text
      .trim()
      .replace(/^\{|\}$/g, '')
      .match(/(?:"(?:[^"\\]|\\.)*"|[^,"])+/g) ?? [];
  for (const part of parts) {
    if (part.trim() === '') continue;
    try {
      parseMatcher(part.trim());
    } catch (error) {
      if (error instanceof RegexpTooLargeError) continue;
      report('bad-matcher', item, `found ${shown(text)}: ${(error as Error).message}`, {
        hint: 'write NAME="VALUE", or with !=, =~, !~',
      });
      return;
    }
  }
}
