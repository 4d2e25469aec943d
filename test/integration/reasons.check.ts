import assert from 'node:assert/strict';
import { Because, Verdict } from '../../src/explain/schema.ts';
import { reasons } from '../../src/explain/words.ts';
import { eventually } from '../../src/runtime/eventually.fixture.ts';
import { runTocsin } from '../support/run-tocsin.ts';
import type { Staged } from './reasons.cases.ts';

/** `tocsin what` gives the reason for the last thing that the alert did, and no other reason. */
export async function assertTold(reason: Verdict | Because, { tocsin, alert, pipeline, tells }: Staged): Promise<void> {
  const told = await eventually(
    () => runTocsin(['what', ...alert, '--url', tocsin.url, '-o', 'wide']),
    ({ stdout, code }) =>
      code === 1 || (!/still waits|it waits/.test(stdout) && (!isBecause(reason) || runsOf(lastOf(stdout)).length > 0)),
  );
  const text = told.stdout + told.stderr;
  const last = lastOf(told.stdout) || text;
  if (tells !== undefined) assert.match(text, tells);
  if (isBecause(reason)) {
    const rows = runsOf(last).filter(({ name }) => pipeline === undefined || name === pipeline);
    assert.ok(rows.length > 0, text);
    for (const row of rows) assert.equal(row.reason, reason, text);
  } else {
    const named = Verdict.options.filter((each) =>
      new RegExp(`(?:\\) {2}|: )${each.replaceAll('_', ' ')}\\b`).test(last),
    );
    assert.deepEqual(named, [reason], text);
  }
}

/** The newest thing that the alert did: its line, and the lines of its runs. */
function lastOf(stdout: string): string {
  return stdout.split(/^(?= {2}\d{4}-\d\d-\d\d )/m)[1] ?? '';
}

interface ToldRun {
  readonly name: string;
  readonly reason: string;
}

/** None as long as the runs of an event have not started. */
function runsOf(last: string): readonly ToldRun[] {
  const rows = last.matchAll(/^ {6}(\S+) +run \S+ +(\w+)(?: \(([^)]+)\))?/gm);
  // What is gone may be any object, so this one reason is told in words.
  const named = (because: string): string => (because === reasons.pipeline_gone ? 'pipeline_gone' : because);
  return [...rows].map(([, name = '', outcome = '', because = outcome]) => ({ name, reason: named(because) }));
}

function isBecause(reason: Verdict | Because): reason is Because {
  return Because.safeParse(reason).success;
}
