import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { distinctRoutes } from './distinct-routes.ts';
import { readProto } from './read-proto.ts';
import type { Route } from './route.ts';

function protoOf(...services: readonly string[]): Route[] {
  return services.flatMap((service) => {
    const [, packageName = '', name = service] = /^(?:(.*)\.)?(\w+)$/.exec(service) ?? [];
    const head = packageName === '' ? '' : `package ${packageName};`;
    const text = `${head} service ${name} { rpc Export (M) returns (M); rpc Only${name} (M) returns (M); }`;
    return [...readProto({ name: 'otlp.proto', text }).routes];
  });
}

function names({ routes }: { readonly routes: readonly Route[] }): string[] {
  return routes.map(({ name }) => name);
}

function plain(name: string, pathRegex: string): Route {
  return { name, condition: { pathRegex }, responseClasses: [], isRetryable: false };
}

describe('distinctRoutes', () => {
  it('leaves names alone that are distinct', () => {
    const routes = protoOf('a.TraceService');
    assert.deepEqual(distinctRoutes(routes, true), { routes, notes: [] });
  });

  it('gives rpcs of the same name their service, and says which ServiceProfile has to go with them', () => {
    const distinct = distinctRoutes(protoOf('a.TraceService', 'b.MetricsService', 'LogsService'), true);
    assert.deepEqual(names(distinct), [
      'TraceService/Export',
      'OnlyTraceService',
      'MetricsService/Export',
      'OnlyMetricsService',
      'LogsService/Export',
      'OnlyLogsService',
    ]);
    assert.equal(distinct.notes.length, 1);
    assert.match(distinct.notes[0]!, /^rpc "Export": in 3 services; linkerd profile would name each of them "Export"/);
    assert.match(distinct.notes[0]!, /apply the ServiceProfile that --emit=service-profile writes, or no rule/);
  });

  it('takes the package as well where services have the same name', () => {
    const distinct = distinctRoutes(protoOf('a.Service', 'b.Service'), true);
    assert.deepEqual(
      names(distinct).filter((name) => name.endsWith('/Export')),
      ['a.Service/Export', 'b.Service/Export'],
    );
  });

  it('takes the package as well where another route already has the name', () => {
    const routes = [...protoOf('a.One', 'a.Two'), plain('One/Export', '/x')];
    assert.ok(names(distinctRoutes(routes, true)).includes('a.One/Export'));
    assert.ok(names(distinctRoutes(routes, true)).includes('One/Export'));
  });

  it('refuses the same rpc twice', () => {
    assert.throws(() => distinctRoutes(protoOf('a.One', 'a.One'), true), /rpc "a\.One\/Export": given twice/);
  });

  it('has one rule for routes of one name in a ServiceProfile, and says that no metric tells them apart', () => {
    const routes = [plain('Export', '/TraceService/Export'), plain('a', '/a'), plain('Export', '/LogsService/Export')];
    const { routes: left, notes } = distinctRoutes(routes, false);
    assert.deepEqual(left, routes.slice(0, 2));
    assert.match(
      notes[0]!,
      /^route "Export": 2 times \(\/TraceService\/Export, \/LogsService\/Export\); Linkerd counts them as one/,
    );
    assert.match(notes[0]!, /give them names of their own in the ServiceProfile$/);
  });

  it('has one route for paths that become the same', () => {
    const { routes, notes } = distinctRoutes([plain('GET /a', '/a'), plain('GET /a', '/a')], true);
    assert.equal(routes.length, 1);
    assert.match(notes[0]!, /^route "GET \/a": 2 times \(\/a\).*the first one counts$/);
  });
});
