/** A command with flags of its own; most ask a running Tocsin. */
export interface AskCommand {
  /** The arguments after the name. */
  readonly usage: string;
  readonly help: string;
}

/** In the order of the help. */
export const askCommands = {
  why: {
    usage: '[KIND/[NAMESPACE/]NAME]',
    help: 'why a pipeline was reconciled, newest first; without a name, every pipeline',
  },
  what: {
    usage: 'ALERTNAME | LABEL=VALUE...',
    help: 'what an alert did, or the one reason why it did nothing',
  },
  tail: {
    usage: '[--filter=MATCHER]...',
    help: 'follow what Tocsin says, one line a fact',
  },
  reconcile: {
    usage: 'KIND/[NAMESPACE/]NAME... | --all',
    help: 'have pipelines looked at now, and wait for the result',
  },
  resume: {
    usage: '',
    help: 'let everything out at once that waits because of a storm of alerts',
  },
  explain: {
    usage: 'ALERTNAME | LABEL=VALUE... | --file=FILE | --since=AGO --config.file=FILE',
    help: 'what an alert would do, if it came; changes nothing',
  },
  'test-alert': {
    usage: '[LABEL=VALUE]...',
    help: 'send a marked alert through the real way, one line a hop',
  },
  check: {
    usage: '[--pre]',
    help: 'whether an alert would come through, hop by hop, and what to do if not',
  },
  lint: {
    usage: 'FILE|FOLDER|-...',
    help: 'what is wrong in files of Prometheus, Alertmanager, Helm, Kubernetes and Tocsin',
  },
  rules: {
    usage: 'print | generate',
    help: 'alerting rules for Prometheus',
  },
  trigger: {
    usage: 'test | rbac',
    help: 'what triggers would do with alerts, and the rights that they need',
  },
  completion: {
    usage: 'bash | zsh | fish',
    help: 'a script that completes commands and flags, for the shell to read',
  },
} as const satisfies Readonly<Record<string, AskCommand>>;

export type AskCommandName = keyof typeof askCommands;

/** The commands after `tocsin rules`. */
export const rulesCommands = {
  print: {
    usage: '[--group=GROUP]... [-o rules|configmap|prometheusrule]',
    help: 'the rules that come with Tocsin, as a file or as objects of Kubernetes',
  },
  generate: {
    usage: '--open-api=FILE|--proto=FILE|--service-profile=FILE --service=NAME -n NAMESPACE',
    help: 'rules for each route of a service in Linkerd, or its ServiceProfile',
  },
} as const satisfies Readonly<Record<string, AskCommand>>;

export type RulesCommandName = keyof typeof rulesCommands;

/** The commands after `tocsin trigger`. */
export const triggerCommands = {
  test: {
    usage: '-f FILE... [--alert=LABELS]... [--config.file=FILE]',
    help: 'which triggers of a file match alerts, what they would wake, and what is wrong with them; asks nobody',
  },
  rbac: {
    usage: '[-f FILE]... [--kind=RESOURCE.GROUP:USE,...]...',
    help: 'exactly the rights that the targets of triggers need, as objects of Kubernetes; asks nobody',
  },
} as const satisfies Readonly<Record<string, AskCommand>>;

export type TriggerCommandName = keyof typeof triggerCommands;

export type CommandName = AskCommandName | `rules ${RulesCommandName}` | `trigger ${TriggerCommandName}`;

const byName = new Map<string, AskCommand>([
  ...Object.entries(askCommands),
  ...Object.entries(rulesCommands).map(([name, each]) => [`rules ${name}`, each] as const),
  ...Object.entries(triggerCommands).map(([name, each]) => [`trigger ${name}`, each] as const),
]);

/** The usage and help of a command. */
export function commandNamed(name: CommandName): AskCommand {
  return byName.get(name)!;
}

export function isAskCommand(word: string | undefined): word is AskCommandName {
  return word !== undefined && Object.hasOwn(askCommands, word);
}

export const askCommandNames = Object.keys(askCommands) as readonly AskCommandName[];
