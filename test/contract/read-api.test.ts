import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startAlertmanager } from '../support/alertmanager-server.ts';
import { eventually } from '../../src/runtime/eventually.fixture.ts';
import type { ServerProcess } from '../support/server-process.ts';
import { skipWithout } from '../support/servers.ts';
import { sendExactly } from './exact-request.ts';
import { readApiCases, type ReadCase, type ReadStep } from './read-api.cases.ts';
import { startTocsinApp, type TocsinApp } from './tocsin-app.ts';

/** The parts of an answer that must be the same everywhere. */
interface Answer {
  readonly status: number;
  readonly type: string | undefined;
  readonly caching: string | undefined;
  readonly allow: readonly string[];
  readonly body: string;
}

const minute = 60_000;

describe('reading the API of Tocsin', () => {
  let tocsin: TocsinApp;
  before(async () => void (tocsin = await startTocsinApp()));
  after(() => tocsin.stop());

  for (const row of readApiCases) {
    it(`answers to ${row.name}`, async () => {
      for (const step of row.steps) {
        const { status, body } = await send(tocsin.url, row, step);
        assert.equal(status, step.status, `${step.path}: ${body}`);
        if (step.answer !== undefined) assert.equal(body, step.answer);
      }
    });
  }

  it('has a name of its own for each row', () => {
    const names = readApiCases.map(({ name }) => name);
    assert.deepEqual(names, [...new Set(names)]);
  });
});

describe('reading the API of Alertmanager 0.34.2', { skip: skipWithout('alertmanager') }, () => {
  let alertmanager: ServerProcess;
  let tocsin: TocsinApp;
  before(async () => {
    alertmanager = await startAlertmanager();
    tocsin = await startTocsinApp();
  });
  after(async () => {
    await tocsin.stop();
    await alertmanager.stop();
  });

  for (const row of readApiCases) {
    it(`answers to ${row.name} ${row.differs === undefined ? 'as Tocsin does' : `otherwise: ${row.differs.why}`}`, async () => {
      const differences: string[] = [];
      for (const step of row.steps) {
        const ours = await send(tocsin.url, row, step);
        const theirs = await sendUntil(alertmanager.url, row, step, ours);
        if (row.differs === undefined) assert.deepEqual(theirs, ours, step.path);
        else if (JSON.stringify(theirs) !== JSON.stringify(ours)) differences.push(step.path);
        const { body: _, ...head } = { ...ours, status: row.differs?.status ?? ours.status };
        if (row.differs !== undefined) assert.deepEqual({ ...head, body: '' }, { ...theirs, body: '' });
      }
      assert.equal(differences.length > 0, row.differs !== undefined, 'the row tells of a difference that is none');
    });
  }
});

/** Repeats a request that may take a moment, until the answer is as expected. */
async function sendUntil(url: string, row: ReadCase, step: ReadStep, expected: Answer): Promise<Answer> {
  if (step.soon === undefined) return send(url, row, step);
  const isExpected = (answer: Answer): boolean => answer.body === expected.body;
  return eventually(() => send(url, row, step), isExpected).catch(() => send(url, row, step));
}

async function send(url: string, { name }: ReadCase, step: ReadStep): Promise<Answer> {
  const { method = 'GET', path, headers = {}, body } = step;
  const now = Date.now();
  const answer = await sendExactly(url, {
    method,
    path: path.replaceAll('@row', encodeURIComponent(name.replaceAll(/["\\]/g, ''))),
    headers,
    body: body && fill(body, name.replaceAll(/["\\]/g, ''), now),
  });
  assert.ok(answer !== undefined, 'the connection was closed without an answer');
  return {
    status: answer.status,
    type: answer.headers['content-type'],
    caching: answer.headers['cache-control'],
    allow: (answer.headers.allow ?? '').split(/, ?/).toSorted(),
    body: normal(answer.body.toString(), now),
  };
}

function fill(body: string, row: string, now: number): string {
  return body
    .replaceAll('@row', row)
    .replaceAll(/@(-?\d+)m/g, (_, minutes) => new Date(now + Number(minutes) * minute).toISOString());
}

/** Gives times near now in minutes from now, and sorts the methods of a 405: Alertmanager's order changes from answer to answer. */
function normal(body: string, now: number): string {
  return body
    .replaceAll(/"(\d{4}-\d\d-\d\dT[\d:.]+Z)"/g, (all, time) => {
      const minutes = Math.round((Date.parse(time as string) - now) / minute);
      return Math.abs(minutes) < 60 ? `"${minutes}m"` : all;
    })
    .replace('[POST,GET]', '[GET,POST]');
}
