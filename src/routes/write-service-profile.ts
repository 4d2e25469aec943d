import { stringify } from 'yaml';
import type { Destination, RequestMatch, ResponseClass, Route, RouteSet } from './route.ts';

export type ProfileFormat = 'yaml' | 'json';

/** A ServiceProfile as `linkerd profile -o yaml|json` writes it: YAML with sorted keys, JSON in one line with the fields in the order of the type. */
export function writeServiceProfile(
  { routes, rest = {} }: Pick<RouteSet, 'routes' | 'rest'>,
  destination: Destination,
  format: ProfileFormat,
): string {
  const { namespace = destination.namespace, ...others } = rest;
  const profile = {
    kind: 'ServiceProfile',
    apiVersion: 'linkerd.io/v1alpha2',
    metadata: { name: destination.host, ...(namespace !== undefined && { namespace }) },
    spec: { routes: routes.map(routeObject), ...others },
  };
  if (format === 'json') return `${goJson(profile)}\n`;
  return stringify(profile, {
    sortMapEntries: true,
    indentSeq: false,
    singleQuote: true,
    lineWidth: 0,
    aliasDuplicateObjects: false,
  });
}

/** Go writes these signs of HTML as escapes. */
function goJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(
    /[<>&\u2028\u2029]/g,
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** False, empty and missing are all left out, as in Go. */
function routeObject({ name, condition, responseClasses, isRetryable, timeout }: Route): object {
  return {
    name,
    condition: conditionObject(condition),
    ...(responseClasses.length > 0 && { responseClasses: responseClasses.map(classObject) }),
    ...(isRetryable && { isRetryable }),
    ...(timeout !== undefined && { timeout }),
  };
}

function conditionObject({ all, not, any, pathRegex, method }: RequestMatch): object {
  return {
    ...(all !== undefined && { all: all.map(conditionObject) }),
    ...(not !== undefined && { not: conditionObject(not) }),
    ...(any !== undefined && { any: any.map(conditionObject) }),
    ...(pathRegex !== undefined && { pathRegex }),
    ...(method !== undefined && { method }),
  };
}

/** Always with both bounds: the proxy ignores a class with one. */
function classObject({ min, max, isFailure }: ResponseClass): object {
  return { condition: { status: { min, max } }, ...(isFailure && { isFailure }) };
}
