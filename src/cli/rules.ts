import { rulesCommands } from '../config/flags/command-table.ts';
import { commandGroup } from './command-group.ts';

/** `tocsin rules`: alerting rules for Prometheus. The next word says what to do with them. */
export const rules = commandGroup({
  name: 'rules',
  about: 'Alerting rules for Prometheus',
  table: rulesCommands,
  load: {
    print: async () => (await import('./rules-print.ts')).rulesPrint,
    generate: async () => (await import('./rules-generate.ts')).rulesGenerate,
  },
});
