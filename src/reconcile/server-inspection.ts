import type { LabelSet } from '../alert/labels.ts';
import type { AlertingRule } from './server-facts.ts';

/** A rule as a Prometheus has loaded it. */
export interface LoadedRule extends AlertingRule {
  readonly type: 'alerting' | 'recording';
  /** As they are in the file. */
  readonly labels: LabelSet;
  readonly health: string;
  /** '' if its last evaluation succeeded. */
  readonly lastError: string;
  /** Its `for`, milliseconds. */
  readonly forMs: number;
  readonly alerts: readonly ActiveAlert[];
}

export interface ActiveAlert {
  readonly state: string;
  /** When it became pending, milliseconds since the epoch. */
  readonly activeAt: number;
}

/** A group of rules. */
export interface RuleGroup {
  readonly name: string;
  /** The file, as a pattern of `rule_files` has found it. */
  readonly file: string;
  readonly rules: readonly LoadedRule[];
}

export interface Reload {
  readonly succeeded: boolean;
  /** Of the last one that succeeded, as the server writes it. */
  readonly at: string;
}

export interface AlertmanagerUrls {
  readonly active: readonly string[];
  /** The targets that relabelling has dropped. */
  readonly dropped: readonly string[];
}

/** A series and its value. */
export interface Sample {
  readonly labels: LabelSet;
  readonly value: number;
}

/** The flags of Prometheus that are of interest here; a flag that the server does not have is absent. */
export type ServerFlags = Readonly<Partial<Record<(typeof flagNames)[number], string>>>;
export const flagNames = [
  'agent',
  'config.file',
  'enable-feature',
  'rules.alert.resend-delay',
  'storage.tsdb.path',
  'web.listen-address',
] as const;

/**
 * One Prometheus that is asked about itself by a person. Each question asks anew. Every one rejects with an Error whose message says what
 * was wrong, where, and what to do.
 */
export interface InspectedServer {
  /** Its URL without credentials. */
  readonly address: string;
  version(signal: AbortSignal): Promise<string>;
  /** The time by its clock, milliseconds since the epoch. */
  time(signal: AbortSignal): Promise<number>;
  flags(signal: AbortSignal): Promise<ServerFlags>;
  reload(signal: AbortSignal): Promise<Reload>;
  /** The sections `global`, `alerting` and `rule_files` of its configuration, as YAML. */
  configuration(signal: AbortSignal): Promise<string>;
  groups(signal: AbortSignal): Promise<readonly RuleGroup[]>;
  alertmanagers(signal: AbortSignal): Promise<AlertmanagerUrls>;
  /** Its metrics about itself, in the text format. */
  metrics(signal: AbortSignal): Promise<string>;
  /** The result of an expression, which has to be a vector. */
  query(expression: string, signal: AbortSignal): Promise<readonly Sample[]>;
}
