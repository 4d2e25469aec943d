import type { LabelSet } from '../alert/labels.ts';

/** An alerting rule that a Prometheus has loaded. */
export interface AlertingRule {
  /** The name of its alerts. */
  readonly name: string;
  /** Of the labels that it adds, `pipeline_name` and `pipeline_type`, as they are in the file: a value may be a template. */
  readonly labels: LabelSet;
  /** How often its group is evaluated, milliseconds. */
  readonly intervalMs: number;
}

/** A fact, or why it is not known. */
export type Answer<T> =
  | { readonly value: T }
  /** `isRefused`: the server answered, but does not tell it; asking again makes no difference. */
  | { readonly error: Error; readonly isRefused: boolean };

/** What one Prometheus says about itself. */
export interface ServerFacts {
  /** Its URL without credentials. */
  readonly address: string;
  /** Every alerting rule. */
  readonly rules: Answer<readonly AlertingRule[]>;
  /** The URLs to which it sends alerts now. */
  readonly alertmanagers: Answer<readonly string[]>;
  /** The sections `global` and `alerting` of its configuration, as YAML. */
  readonly configuration: Answer<string>;
  /** How long it waits before it sends a firing alert again, milliseconds. */
  readonly resendDelayMs: Answer<number>;
}
