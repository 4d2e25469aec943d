import { triggerCommands } from '../config/flags/command-table.ts';
import { commandGroup } from './command-group.ts';

/** `tocsin trigger`: which alerts wake which objects. The next word says what to do. */
export const trigger = commandGroup({
  name: 'trigger',
  about: 'Which alerts wake which objects',
  table: triggerCommands,
  load: {
    test: async () => (await import('./trigger-test.ts')).triggerTest,
    rbac: async () => (await import('./trigger-rbac.ts')).triggerRbac,
  },
});
