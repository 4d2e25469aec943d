import { useEffect, useState } from 'preact/hooks';
import { failureOf, type Api } from '../core/api-port.ts';
import type { Failure } from '../core/state.ts';
import { useActions } from './context.ts';

export interface Answer<Value> {
  readonly value?: Value;
  readonly failure?: Failure;
  readonly isLoading: boolean;
}

/**
 * Asks, and asks again when `version` changes; what was answered before stays until then.
 * @param about names the question: another one begins with nothing
 */
export function useAnswer<Value>(about: string, version: number, ask: (api: Api) => Promise<Value>): Answer<Value> {
  const { tools } = useActions();
  const [answers, setAnswers] = useState<{ readonly about: string; readonly answer: Answer<Value> }>();
  useEffect(() => {
    let isWanted = true;
    const take = (answer: Answer<Value>): void => {
      if (isWanted) setAnswers({ about, answer });
    };
    ask(tools.api).then(
      (value) => take({ value, isLoading: false }),
      (error: unknown) => take({ failure: failureOf(error), isLoading: false }),
    );
    return () => void (isWanted = false);
    // The question is wholly in `about`.
  }, [about, version, tools]);
  return answers?.about === about ? answers.answer : { isLoading: true };
}
