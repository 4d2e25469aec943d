export type Severity = 'error' | 'warning' | 'info';

interface Code {
  readonly severity: Severity;
  /** What is wrong, in one sentence: the short description of a rule in SARIF. */
  readonly title: string;
}

/** Every code, in the order of docs/checks.md, which has a paragraph for each. A code never changes its meaning, and is never used again. */
export const lintCodes = {
  // The file.
  'file-unreadable': { severity: 'error', title: 'The file cannot be read.' },
  'file-unwritable': { severity: 'error', title: 'The file cannot be mended.' },
  'file-not-text': { severity: 'error', title: 'The file is no text in UTF-8.' },
  'file-empty': { severity: 'info', title: 'The file has nothing that can be checked.' },
  'file-unknown': { severity: 'info', title: 'It is not clear what the file is, so that only its YAML is checked.' },
  'ignored-document': { severity: 'warning', title: 'The program reads only the first document of the file.' },
  'too-many-problems': { severity: 'warning', title: 'The file has more problems than are shown.' },
  'rule-failed': { severity: 'error', title: 'A check could not be done.' },
  // YAML.
  'yaml-syntax': { severity: 'error', title: 'The text is no YAML.' },
  'yaml-template': { severity: 'error', title: 'The file is a template that has not been rendered.' },
  'yaml-alias': { severity: 'error', title: 'An alias has no anchor.' },
  'yaml-bomb': { severity: 'error', title: 'The aliases of the file write out to more than any program can read.' },
  'yaml-tag': { severity: 'warning', title: 'A tag is not known.' },
  'duplicate-key': { severity: 'error', title: 'A key is given twice.' },
  'null-comment': { severity: 'warning', title: 'YAML read the value as a comment.' },
  // Keys and values.
  'unknown-key': { severity: 'error', title: 'A section does not have such a key.' },
  'misplaced-key': { severity: 'error', title: 'A key belongs into another section or file.' },
  'missing-key': { severity: 'error', title: 'A key that is needed is missing.' },
  'conflicting-keys': { severity: 'error', title: 'Keys are given together that exclude each other.' },
  'wrong-type': { severity: 'error', title: 'A value is of the wrong sort.' },
  'bad-value': { severity: 'error', title: 'A value is not one of those that are allowed.' },
  'bad-duration': { severity: 'error', title: 'A duration cannot be read, or does not fit the others.' },
  'bad-url': { severity: 'error', title: 'A URL has no scheme or no host.' },
  'bad-regexp': { severity: 'error', title: 'A regular expression cannot be read.' },
  'bad-matcher': { severity: 'error', title: 'A matcher cannot be read.' },
  'duplicate-name': { severity: 'error', title: 'A name that has to be unique is given twice.' },
  placeholder: { severity: 'error', title: 'A value still has to be put in.' },
  'secret-in-clear': { severity: 'error', title: 'A secret stands where others can read it.' },
  // Files that others name.
  'no-matching-file': { severity: 'error', title: 'A path or pattern matches no file.' },
  'file-name-as-content': { severity: 'error', title: 'The name of a file stands where its content belongs.' },
  // alertmanager.yml.
  'bad-route': { severity: 'error', title: 'The first route does not take every alert.' },
  'undefined-receiver': { severity: 'error', title: 'A route names a receiver that there is not.' },
  'empty-receiver': { severity: 'warning', title: 'A receiver sends nothing to anybody.' },
  'undefined-time-interval': { severity: 'error', title: 'A route names a time interval that there is not.' },
  'unreachable-route': { severity: 'warning', title: 'No alert comes to a route.' },
  // prometheus.yml.
  'bad-target': { severity: 'error', title: 'A target is no HOST:PORT.' },
  'alerting-own-port': { severity: 'warning', title: 'Alerts go to the port of Prometheus itself.' },
  'unknown-service': { severity: 'warning', title: 'An address names a Service that no manifest of the call has.' },
  // Values of charts.
  'unknown-value': { severity: 'error', title: 'The chart does not know such a value.' },
  'misplaced-value': { severity: 'warning', title: 'The chart ignores the value where it stands.' },
  'overridden-values': { severity: 'warning', title: 'Other values than these are what runs.' },
  'large-values': { severity: 'info', title: 'The values repeat the defaults of the chart.' },
  // Manifests.
  'open-network-policy': { severity: 'warning', title: 'A NetworkPolicy opens the receiver to everybody.' },
  'exposed-service': { severity: 'warning', title: 'A Service makes an open receiver reachable from outside.' },
  // Tocsin's own files.
  'bad-setting': { severity: 'error', title: 'Tocsin does not start with this configuration.' },
  // Rule files and PrometheusRule objects.
  'rule-metric-name': { severity: 'error', title: 'A recording rule writes what is no name of a metric.' },
  'rule-label-name': { severity: 'error', title: 'The name of a label or an annotation is wrong.' },
  'rule-duplicate': { severity: 'warning', title: 'A rule is there twice.' },
  'newer-prometheus': { severity: 'info', title: 'A rule needs a newer Prometheus than 2.42.' },
  'promql-syntax': { severity: 'error', title: 'An expression cannot be parsed.' },
  'promql-type': { severity: 'error', title: 'An expression has a value of the wrong type.' },
  'promql-feature': { severity: 'error', title: 'An expression needs a feature flag of Prometheus.' },
  'promql-result': { severity: 'error', title: 'An expression gives what no rule can use.' },
  'template-syntax': { severity: 'error', title: 'A template cannot be parsed.' },
  'template-field': { severity: 'error', title: 'A template uses a field that there is not.' },
  'template-label': { severity: 'warning', title: 'A template uses a label that the expression drops.' },
  'template-not-expanded': { severity: 'warning', title: 'A text looks like a template and is none.' },
  'up-is-zero': { severity: 'warning', title: 'An alert on up is silent when its target is no longer discovered.' },
  'silent-at-total-failure': { severity: 'warning', title: 'An alert is silent when nothing succeeds.' },
  'always-fires': { severity: 'warning', title: 'An alert always fires.' },
  'never-fires': { severity: 'warning', title: 'An alert never fires.' },
  'selects-nothing': { severity: 'warning', title: 'A selector contradicts itself.' },
  'for-below-interval': { severity: 'info', title: 'The duration of for is shorter than the interval.' },
  'alert-severity': { severity: 'warning', title: 'An alert has no severity.' },
  'alert-runbook': { severity: 'info', title: 'An alert has no runbook.' },
  'alert-pipeline': { severity: 'error', title: 'An alert names a pipeline that there is not.' },
} as const satisfies Readonly<Record<string, Code>>;

export type LintCode = keyof typeof lintCodes;

export function severityOf(code: LintCode): Severity {
  return lintCodes[code].severity;
}
