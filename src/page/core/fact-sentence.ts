import type { Fact } from '../../explain/schema.ts';
import { pipelineOfKey, reasons, showLabels, showPipeline, triggerText } from '../../explain/words.ts';
import { labelsField, numberField, pipelineKeyOf, textField, textsField } from './facts.ts';
import { counted, listed, pipelinePart, requestPart, runPart, silencePart, type Part, type Sentence } from './parts.ts';
import { span } from './times.ts';

/** How a fact is marked in a list. */
export type Tone = 'bad' | 'warn' | 'good' | 'plain' | 'quiet';

export interface ToldFact {
  readonly sentence: Sentence;
  readonly tone: Tone;
}

/** A fact as a sentence. A fact that is not known here is told in the words of the log. */
export function tellFact(fact: Fact): ToldFact {
  return tellers[fact.event]?.(fact) ?? tellOther(fact);
}

type Teller = (fact: Fact) => ToldFact;

const tellers: Readonly<Record<string, Teller>> = {
  'alerts.received': tellReceived,
  'alerts.rejected': (fact) => ({
    sentence: [...aRequest(fact, 'A request'), ' was refused: ', textField(fact, 'reason') ?? fact.msg],
    tone: 'bad',
  }),
  'alerts.invalid': (fact) => ({
    sentence: [...aRequest(fact, 'A request'), ' brought invalid alerts: ', textsField(fact, 'problems').join('; ')],
    tone: 'warn',
  }),
  'alerts.suppressed': tellSuppressed,
  'alert.new': (fact) => ({ sentence: [alertOf(fact), ' fires'], tone: 'warn' }),
  'alert.resolved': (fact) => ({ sentence: [alertOf(fact), ' is resolved'], tone: 'good' }),
  'alert.expired': (fact) => ({ sentence: [alertOf(fact), ' ended, because nobody sent it again'], tone: 'good' }),
  'event.emitted': (fact) => ({
    sentence: ['Alerts became one ', eventPart(fact), `: ${textsField(fact, 'causes').join(', ')}`],
    tone: 'quiet',
  }),
  'requests.enqueued': tellEnqueued,
  'prometheus.queried': tellQueried,
  'condition.changed': tellChanged,
  'condition.observed': tellChanged,
  'condition.held': (fact) => ({
    sentence: [...subject(fact), ' stays ', ...conditionParts(fact, 'status'), ': ', fact.msg],
    tone: 'warn',
  }),
  'reconcile.finished': tellFinished,
  'reconcile.failed': tellFailed,
  'sweep.finished': tellSweep,
  'problem.found': (fact) => ({
    sentence: ['Problem: ', textField(fact, 'message') ?? fact.msg],
    tone: levelTones[fact.level],
  }),
  'problem.changed': (fact) => ({
    sentence: ['Problem: ', textField(fact, 'message') ?? fact.msg],
    tone: levelTones[fact.level],
  }),
  'problem.solved': (fact) => ({ sentence: ['Solved: ', textField(fact, 'message') ?? fact.msg], tone: 'good' }),
  'silence.scheduled': (fact) => tellSilence(fact, 'planned'),
  'silence.started': (fact) => tellSilence(fact, 'started'),
  'silence.changed': (fact) => tellSilence(fact, 'changed'),
  'silence.ended': (fact) => tellSilence(fact, 'ended'),
  'silence.cancelled': (fact) => tellSilence(fact, 'cancelled'),
};

const levelTones: Readonly<Record<Fact['level'], Tone>> = { error: 'bad', warn: 'warn', info: 'plain', debug: 'quiet' };

function tellOther(fact: Fact): ToldFact {
  const details = ['reason', 'error', 'resource', 'verb'].flatMap((name) => textField(fact, name) ?? []);
  const about = pipelineKeyOf(fact) === undefined ? [] : [...subject(fact), ': '];
  const text = [fact.msg, ...details].join(': ');
  return { sentence: about.length > 0 ? [...about, text] : [capital(text)], tone: levelTones[fact.level] };
}

export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function subject(fact: Fact): Sentence {
  const key = pipelineKeyOf(fact);
  return key === undefined ? [] : [pipelinePart(pipelineOfKey(key))];
}

function alertOf(fact: Fact): Part {
  const labels = labelsField(fact, 'labels');
  const text = [textField(fact, 'alertname') ?? labels['alertname'] ?? 'An alert', showLabels(labels)].join(' ').trim();
  const id = textField(fact, 'fingerprint');
  return id === undefined ? { code: text } : { text, opens: { of: 'alert', id } };
}

function aRequest(fact: Fact, words: string): Sentence {
  const id = textField(fact, 'request_id');
  const remote = textField(fact, 'remote');
  const part: Part = id === undefined ? words : { text: words, opens: { of: 'request', id } };
  return remote === undefined ? [part] : [part, ` from ${remote}`];
}

export function eventPart(fact: Fact, text = 'event'): Part {
  const id = textField(fact, 'event_id');
  return id === undefined ? text : { text, opens: { of: 'event', id } };
}

function tellReceived(fact: Fact): ToldFact {
  const [alerts, firing, resolved] = ['alerts', 'firing', 'resolved'].map((name) => numberField(fact, name) ?? 0);
  const fresh = numberField(fact, 'new') ?? 0;
  const sender = textField(fact, 'user_agent') ?? textField(fact, 'remote') ?? 'Somebody';
  const id = textField(fact, 'request_id');
  const sent = counted(alerts!, 'alert');
  const details = [
    ...(firing! > 0 ? [`${firing} firing`] : []),
    ...(resolved! > 0 ? [`${resolved} resolved`] : []),
    fresh > 0 ? `${fresh} new` : 'nothing new',
  ];
  return {
    sentence: [
      sender,
      ' sent ',
      id === undefined ? sent : { text: sent, opens: { of: 'request', id } },
      `: ${details.join(', ')}`,
    ],
    tone: fresh > 0 ? 'plain' : 'quiet',
  };
}

function tellSuppressed(fact: Fact): ToldFact {
  const names = textsField(fact, 'alertnames').map((code) => ({ code }));
  const silences = textsField(fact, 'silences').map(silencePart);
  return { sentence: [...listed(names), ' woke nobody, because of ', ...listed(silences)], tone: 'plain' };
}

function tellEnqueued(fact: Fact): ToldFact {
  const requests = numberField(fact, 'requests') ?? 0;
  const trigger = textField(fact, 'trigger');
  const cause = trigger === undefined ? textsField(fact, 'causes').join(', ') : triggerText(trigger);
  const many = `${counted(requests, 'pipeline')} to look at`;
  return { sentence: [eventPart(fact, many), `, because of ${cause}`], tone: trigger === 'manual' ? 'plain' : 'quiet' };
}

function tellQueried(fact: Fact): ToldFact {
  const status = textField(fact, 'status') ?? '';
  if (status === 'success') {
    const firing = numberField(fact, 'firing') ?? 0;
    const took = numberField(fact, 'duration_ms') ?? 0;
    return {
      sentence: [`Prometheus said within ${span(took)} that ${counted(firing, 'alert fires', 'alerts fire')}`],
      tone: 'quiet',
    };
  }
  const why = textField(fact, 'error') ?? status;
  return { sentence: [`Prometheus could not say what fires: ${why}`], tone: 'bad' };
}

function conditionParts(fact: Fact, status: string, reason = 'reason'): Sentence {
  return [{ strong: `${textField(fact, status) ?? ''} ${textField(fact, reason) ?? ''}`.trim() }];
}

function tellChanged(fact: Fact): ToldFact {
  const to = textField(fact, 'to');
  const from = textField(fact, 'from') ?? '';
  const before: Sentence = from === '' ? ['no condition'] : conditionParts(fact, 'from', 'from_reason');
  const run = textField(fact, 'run');
  const key = pipelineKeyOf(fact);
  const went: Part = run === undefined || key === undefined ? 'went' : runPart(pipelineOfKey(key), run, 'went');
  const observed = fact.event === 'condition.observed' ? ' (only logged)' : '';
  return {
    sentence: [
      ...subject(fact),
      ' ',
      went,
      ' from ',
      ...before,
      ' to ',
      ...conditionParts(fact, 'to'),
      observed,
      ...decidedBy(fact),
    ],
    tone: to === 'True' ? 'good' : to === 'False' ? 'bad' : 'warn',
  };
}

function decidedBy(fact: Fact): Sentence {
  const decision = fact['decided_by'] as { readonly labels?: Readonly<Record<string, string>> } | undefined;
  const name = decision?.labels?.['alertname'];
  return name === undefined ? [] : [', decided by ', { code: name }];
}

function tellFinished(fact: Fact): ToldFact {
  const run = textField(fact, 'run') ?? '';
  const key = pipelineKeyOf(fact) ?? '';
  const result = textField(fact, 'result');
  const because = textField(fact, 'because') as keyof typeof reasons | undefined;
  const look = runPart(pipelineOfKey(key), run, 'was looked at');
  if (result === 'changed') return { sentence: [...subject(fact), ' ', look, ', and it was changed'], tone: 'quiet' };
  if (result === 'gone') return { sentence: [...subject(fact), ' ', look, ', and is gone'], tone: 'plain' };
  const why = because === undefined ? '' : `: ${reasons[because] ?? because}`;
  const isNews = because !== undefined && because !== 'unchanged';
  return { sentence: [...subject(fact), ' ', look, `, and nothing changed${why}`], tone: isNews ? 'plain' : 'quiet' };
}

function tellFailed(fact: Fact): ToldFact {
  const run = textField(fact, 'run') ?? '';
  const retry = numberField(fact, 'retry_in_ms');
  const look = runPart(pipelineOfKey(pipelineKeyOf(fact) ?? ''), run, 'could not be looked at');
  const next = retry === undefined ? '' : `; the next try is after ${span(retry)}`;
  return { sentence: [...subject(fact), ' ', look, `: ${textField(fact, 'error') ?? fact.msg}${next}`], tone: 'bad' };
}

function tellSweep(fact: Fact): ToldFact {
  const count = (name: string): number => numberField(fact, name) ?? 0;
  const failed = count('failed');
  const results = [
    `${count('changed')} changed`,
    `${count('unchanged')} unchanged`,
    ...(failed > 0 ? [`${failed} failed`] : []),
  ];
  const took = span(count('duration_ms'));
  return {
    sentence: [
      eventPart(fact, counted(count('requests'), 'pipeline')),
      ` looked at within ${took}: ${results.join(', ')}`,
    ],
    tone: failed > 0 ? 'bad' : 'quiet',
  };
}

function tellSilence(fact: Fact, what: string): ToldFact {
  const id = textField(fact, 'silence');
  const name: Part = id === undefined ? 'silence' : { text: 'silence', opens: { of: 'silence', id } };
  const [author, comment] = [textField(fact, 'created_by') ?? 'somebody', textField(fact, 'comment') ?? ''];
  const matchers = textsField(fact, 'matchers').join(', ') || textField(fact, 'matchers') || '';
  return { sentence: ['The ', name, ` of ${author} ${what}: `, { code: matchers }, ` “${comment}”`], tone: 'plain' };
}

/** A request's id, as a word that opens it. */
export function requestOf(fact: Fact): Part | undefined {
  const id = textField(fact, 'request_id');
  return id === undefined ? undefined : requestPart(id);
}

/** The pipeline that a fact is about, as text for a filter. */
export function factText(fact: Fact): string {
  const key = pipelineKeyOf(fact);
  return key === undefined ? '' : showPipeline(pipelineOfKey(key));
}
