import { basename } from 'node:path';
import { showPath, showText } from '../../config/settings/show-value.ts';
import { shown } from '../leaf-values.ts';
import type { Severity } from '../codes.ts';
import { everyValue, type Matches, type Rule, type RuleContext, type Subject } from '../rule.ts';
import type { YamlValue } from '../yaml-value.ts';

const lists: Readonly<Partial<Record<Subject['kind'], readonly string[]>>> = {
  prometheus: ['rule_files', 'scrape_config_files'],
  alertmanager: ['templates'],
};

/** Prometheus starts without a word when a pattern of `rule_files` matches nothing: then there are no rules, and no alert ever fires. */
export const fileListRule: Rule = (context) => {
  const { subject } = context;
  for (const key of lists[subject.kind] ?? [])
    for (const item of subject.root.get(key)?.items ?? [])
      if (item.text !== undefined) checkPattern(key, item, item.text, context);
};

/** Service discovery by files takes patterns as well, of other endings. */
const targetFile = /^[^*]*(?:\*[^/]*)?\.(?:json|ya?ml|JSON|YA?ML)$/;

export const targetFileRule: Rule = ({ subject, report }) => {
  for (const job of [
    ...(subject.root.get('scrape_configs')?.items ?? []),
    ...(subject.root.get('alerting', 'alertmanagers')?.items ?? []),
  ])
    for (const discovery of job.get('file_sd_configs')?.items ?? [])
      for (const file of discovery.get('files')?.items ?? [])
        if (file.text !== undefined && !targetFile.test(file.text))
          report('bad-value', file, `files: ${shown(file.text)} is no path of files of targets`, {
            hint: 'it has to end in .json, .yml or .yaml, with * in the last part only',
          });
};

const ruleFile = /^[^*]*(?:\*[^/]*)?$/;

function checkPattern(key: string, item: YamlValue, pattern: string, context: RuleContext): void {
  const { subject, report } = context;
  if (key === 'rule_files' && !ruleFile.test(pattern) && pattern !== '')
    report('bad-value', item, `rule_files: ${shown(pattern)} is no path of rule files`, {
      hint: 'it may have * in its last part only',
    });
  if (isGiven(pattern, context)) return;
  const found = subject.within === undefined ? context.disk.matches(subject.file, pattern) : 'unknown';
  if (found === 'some' || (found === 'unknown' && subject.within === undefined)) return;
  report('no-matching-file', item, `${key}: no file matches ${shown(pattern)}`, {
    severity: severityOf(key, pattern, found),
    hint: hints[found === 'no folder' && !pattern.startsWith('/') ? 'none' : found],
  });
}

const hints: Readonly<Record<Exclude<Matches, 'some'>, string>> = {
  none: 'a relative path starts at the folder of this file; Prometheus starts without these files, and says nothing',
  'no folder':
    'its folder is not on this machine; where the program runs, is it mounted there? It starts without, and says nothing',
  unknown: 'give the manifest that holds the file in the same call; is it mounted in that folder?',
};

/** Prometheus refuses a path without a file, and takes a pattern. A folder of a container is mostly on no other machine. */
function severityOf(key: string, pattern: string, found: Matches): Severity {
  if (found === 'unknown') return 'info';
  const isElsewhere = found === 'no folder' && pattern.startsWith('/') && /[*?[]/.test(pattern);
  return key === 'templates' || isElsewhere ? 'warning' : 'error';
}

/** True if one of the files of the call, or a key of a ConfigMap in it, has a name that the pattern takes. */
function isGiven(pattern: string, { all, subject }: RuleContext): boolean {
  if (subject.within === undefined) return false;
  const name = new RegExp(
    `^${basename(pattern)
      .replaceAll(/[.+^${}()|\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`,
  );
  return all.some(
    (other) =>
      other !== subject && (other.kind === 'rules' || other.kind === 'template') && name.test(basename(other.name)),
  );
}

/** `--set serverFiles.alerting_rules\.yml=alerting_rules.yml` puts the name of the file where its content belongs. */
export const fileNameRule: Rule = ({ subject, report }) => {
  const kind = subject.root.get('kind')?.text;
  const isManifest = subject.kind === 'manifest' && (kind === 'ConfigMap' || kind === 'Secret');
  if (!isManifest && subject.kind !== 'values') return;
  for (const { value, path } of everyValue(subject.root)) {
    const key = path.at(-1) ?? '';
    const text = value.text?.trim();
    if (text === undefined) continue;
    if (!/\.(?:ya?ml|json|rules|tmpl)$/.test(key) || !/^[\w./~-]+\.(?:ya?ml|json|rules|tmpl)$/.test(text)) continue;
    const shownKey = showText(key);
    report(
      'file-name-as-content',
      value,
      `${showPath(path)}: holds the name ${shown(text)}, not the content of the file`,
      {
        hint: `put the content there: kubectl create configmap --from-file=${shownKey}=${text}, or helm --set-file ${key.replaceAll('.', '\\.')}=${text}`,
      },
    );
  }
};
