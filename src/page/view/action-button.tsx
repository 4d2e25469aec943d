import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Step } from '../core/actions.ts';
import { useActions } from './context.ts';
import { Sign, Words } from './words.tsx';

export interface Running {
  readonly steps: readonly Step[];
  readonly isRunning: boolean;
  readonly start: (action: AsyncGenerator<Step>) => void;
}

/** Runs an action, and keeps what it told. */
export function useAction(): Running {
  const { touch } = useActions();
  const [steps, setSteps] = useState<readonly Step[]>([]);
  const [isRunning, setRunning] = useState(false);
  const isHere = useRef(true);
  useEffect(() => () => void (isHere.current = false), []);
  const follow = async (action: AsyncGenerator<Step>): Promise<void> => {
    setRunning(true);
    setSteps([]);
    for await (const step of action) {
      if (isHere.current) setSteps((before) => [...before, step]);
      touch();
    }
    if (isHere.current) setRunning(false);
  };
  return { steps, isRunning, start: (action) => void follow(action) };
}

/** What an action did, a sentence each; read aloud as it comes. */
export function Steps({ steps }: { readonly steps: readonly Step[] }): JSX.Element {
  return (
    <div role="status" aria-live="polite" class="steps">
      {steps.map(({ sentence, tone }, index) => (
        <p key={index} class={tone}>
          <Sign of={tone} {...(tone === 'bad' && { words: 'Failed:' })} />
          <span>
            <Words of={sentence} />
          </span>
        </p>
      ))}
    </div>
  );
}

interface ActionButtonProps {
  readonly children: ComponentChildren;
  readonly action: () => AsyncGenerator<Step>;
  /** False if there is nothing to do any more; what was done before stays to be read. */
  readonly isOffered?: boolean;
}

export function ActionButton({ children, action, isOffered = true }: ActionButtonProps): JSX.Element {
  const { steps, isRunning, start } = useAction();
  return (
    <div class="action">
      {isOffered && (
        <button type="button" aria-disabled={isRunning} onClick={() => !isRunning && start(action())}>
          {children}
        </button>
      )}
      <Steps steps={steps} />
    </div>
  );
}
