import type { MutatedPart } from './mutation.ts';

export const routes: MutatedPart = {
  name: 'routes',
  tests: [
    'routes/read-open-api.test.ts',
    'routes/read-proto.test.ts',
    'routes/service-profile.test.ts',
    'routes/distinct-routes.test.ts',
    'routes/route-rules.test.ts',
  ],
  mutations: [
    {
      file: 'routes/route.ts',
      from: "replaceAll(/\\\\\\{[^}]*\\\\\\}/g, '[^/]*')",
      to: "replaceAll(/\\\\\\{[^}]*\\\\\\}/g, '.*')",
      means: 'a parameter of a path holds slashes',
    },
    {
      file: 'routes/route.ts',
      from: 'text.replaceAll(/[\\\\.+*?()|[\\]{}^$]/g',
      to: 'text.replaceAll(/[\\\\+*?()|[\\]{}^$]/g',
      means: 'a dot of a path is any character',
    },
    {
      file: 'routes/read-open-api.ts',
      from: '.toSorted(byBytes)',
      to: '',
      means: 'paths stay in the order of the file',
    },
    {
      file: 'routes/read-open-api.ts',
      from: 'isFailure: status >= 500',
      to: 'isFailure: status > 500',
      means: 'status 500 is no failure',
    },
    {
      file: 'routes/read-open-api.ts',
      from: 'one.min - other.min',
      to: 'other.min - one.min',
      means: 'statuses come in the other order',
    },
    {
      file: 'routes/read-proto.ts',
      from: "name.includes('idempotency_level')",
      to: "name === 'idempotency_level'",
      means: 'an option in parentheses does not count',
    },
    {
      file: 'routes/write-service-profile.ts',
      from: 'status: { min, max }',
      to: 'status: { min }',
      means: "a class has one bound, which Linkerd's proxy ignores",
    },
    {
      file: 'routes/read-service-profile.ts',
      from: '[min ?? max, max ?? min]',
      to: '[min, max ?? min]',
      means: 'an upper bound alone is no class',
    },
    {
      file: 'routes/distinct-routes.ts',
      from: '[short, full].find(',
      to: '[short].find(',
      means: 'services of one name in two packages cannot be told apart',
    },
    {
      file: 'routes/distinct-routes.ts',
      from: 'return left.delete(shown.name) ? [shown] : [];',
      to: 'return [shown];',
      means: 'a route that is counted once has two rules',
    },
    {
      file: 'routes/route-rules.ts',
      from: 'const most = exact(1 - success);',
      to: 'const most = 1 - success;',
      means: 'a threshold has the dust of binary fractions',
    },
    {
      file: 'routes/route-rules.ts',
      from: "return text.replaceAll('{{', '{{\"{{\"}}');",
      to: 'return text;',
      means: 'a name of a route is a template',
    },
    {
      file: 'routes/route-queries.ts',
      from: "['', ...patterns].join('|')",
      to: "patterns.join('|')",
      means: 'a request without a response is no failure',
    },
    {
      file: 'routes/route-queries.ts',
      from: '?.isFailure ?? status >= 500',
      to: '?.isFailure ?? false',
      means: 'a status without a class is no failure',
    },
    {
      file: 'routes/route-pipeline.ts',
      from: "alertPrefix: kind?.alertPrefix ?? ''",
      to: "alertPrefix: ''",
      means: 'a route of one signal wakes the pipelines of all',
    },
  ],
};
