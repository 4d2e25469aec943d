import type { Alert, Effect, Verdict } from '../../explain/schema.ts';
import { remedies } from '../../explain/words.ts';
import { counted, listed, requestPart, silencePart, type Part, type Sentence } from './parts.ts';
import type { Silence } from './state.ts';
import type { Tone } from './fact-sentence.ts';

/** What an alert did with one request, as sentences. */
export interface EffectStory {
  readonly at: string;
  readonly tone: Tone;
  /** What became of it. */
  readonly sentence: Sentence;
  /** The silences that held it back, with their authors. */
  readonly silences: readonly Sentence[];
  /** What makes the next one wake somebody. */
  readonly remedy?: string | undefined;
}

const tones: Readonly<Record<Verdict, Tone>> = {
  woke: 'good',
  merged: 'good',
  silenced: 'warn',
  repeat_ignored: 'plain',
  own_notification: 'plain',
  no_pipeline: 'warn',
  inhibited: 'plain',
  throttled: 'warn',
  observed: 'plain',
  suspended: 'warn',
  opted_out: 'warn',
  invalid: 'bad',
  over_limit: 'bad',
  not_received: 'warn',
};

/** @param silences that are known, for the author of the one that held */
export function tellEffect(effect: Effect, silences: readonly Silence[]): EffectStory {
  const { at, verdict, request_id: request } = effect;
  const teller: Sentence = request === undefined ? [] : [' (', requestPart(request), ')'];
  const remedy = verdict === 'woke' || verdict === 'merged' ? undefined : remedies[verdict];
  return {
    at,
    tone: tones[verdict],
    sentence: [...verdictSentence(effect), ...teller],
    silences: verdict === 'silenced' ? (effect.silences ?? []).map((id) => silenceSentence(id, silences)) : [],
    remedy,
  };
}

function verdictSentence(effect: Effect): Sentence {
  return verdictTellers[effect.verdict](effect);
}

const verdictTellers: Readonly<Record<Verdict, (effect: Effect) => Sentence>> = {
  woke: (effect) => {
    if (effect.runs.length === 0 && effect.event_id === undefined)
      return ['It waits: ', because(effect, 'its event is not made yet')];
    return ['It woke ', runsPart(effect), ...(effect.because === undefined ? [] : [': ', effect.because])];
  },
  merged: (effect) => [
    'It woke ',
    runsPart(effect),
    ', together with others: ',
    because(effect, 'they came at the same time'),
  ],
  silenced: ({ silences = [] }) => [
    'It woke nobody, because ',
    ...listed(silences.map(silencePart)),
    silences.length === 1 ? ' holds' : ' hold',
  ],
  repeat_ignored: (effect) => ['It woke nobody, because ', because(effect, 'it told nothing new')],
  own_notification: (effect) => ['It woke nobody, because ', because(effect, 'a Tocsin sent it about a pipeline')],
  no_pipeline: (effect) => ['It woke nobody, because ', because(effect, 'it concerns no pipeline')],
  inhibited: (effect) => ['It woke nobody, because ', because(effect, 'another alert inhibits it')],
  throttled: (effect) => ['It waits, because ', because(effect, 'its triggers have done enough for now')],
  observed: (effect) => ['It did nothing, because ', because(effect, 'its triggers only observe')],
  suspended: (effect) => ['It woke nobody, because ', because(effect, 'its triggers are suspended')],
  opted_out: (effect) => ['It woke nobody, because ', because(effect, 'its namespace has opted out of triggers')],
  invalid: (effect) => ['It was not stored, because it is invalid: ', because(effect, 'the reason is not known')],
  over_limit: (effect) => [
    'It was not stored, but woke ',
    runsPart(effect),
    ': ',
    because(effect, 'the store is full'),
  ],
  not_received: (effect) => ['It did nothing here: ', because(effect, 'no request told of it')],
};

function because(effect: Effect, otherwise: string): string {
  return effect.because ?? otherwise;
}

function runsPart({ runs, event_id: event }: Effect): Part {
  const text = runs.length === 0 ? 'runs that are not done yet' : counted(runs.length, 'run');
  return event === undefined ? text : { text, opens: { of: 'event', id: event } };
}

/** Who silenced it, why, and until when. */
export function silenceSentence(id: string, silences: readonly Silence[]): Sentence {
  const silence = silences.find((each) => each.id === id);
  if (silence === undefined) return [silencePart(id), ' is no longer known'];
  const { createdBy, comment, endsAt, status } = silence;
  const verb = status.state === 'expired' ? 'ended' : 'ends';
  return [silencePart(id), ` is of ${createdBy}: “${comment}”; it ${verb} at `, { time: endsAt }];
}

/** The newest effect, in one sentence: the answer to "what did this alert do". */
export function tellAlert(
  alert: Alert | undefined,
  effects: readonly Effect[],
  silences: readonly Silence[],
): Sentence {
  const [newest] = effects;
  if (newest === undefined || alert === undefined)
    return ['Tocsin knows no alert with this fingerprint, so it did nothing here.'];
  return [...tellEffect(newest, silences).sentence, '.'];
}
