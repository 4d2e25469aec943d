import { lintTexts } from '../lint.ts';
import { fullDisk } from '../lint.fixture.ts';
import type { Problem } from '../problem.ts';

/** A rule file with one alert that has nothing wrong, but for these keys. */
export function alertFile(keys: Readonly<Record<string, unknown>>): string {
  const labels = { severity: 'warning' };
  const annotations = { runbook_url: 'https://example.com/a' };
  const rule = { alert: 'A', expr: 'a > 1', labels, annotations, ...keys };
  return JSON.stringify({ groups: [{ name: 'g', rules: [rule] }] });
}

/** The problems of files that are linted in one call. */
export function problemsOfFiles(...texts: readonly string[]): readonly Problem[] {
  const files = texts.map((text, index) => ({ name: `rules-${index}.yml`, text }));
  return lintTexts(files, fullDisk).flatMap(({ problems }) => problems);
}

/** The codes of the problems of an alert that has these keys, beside other files. */
export function codesOfAlert(keys: Readonly<Record<string, unknown>>, ...others: readonly string[]): readonly string[] {
  return problemsOfFiles(alertFile(keys), ...others).map(({ code }) => code);
}
