import type { JSX } from 'preact';
import { reconcileNow } from '../core/actions.ts';
import { currentPipelines } from '../core/current.ts';
import { Steps, useAction } from './action-button.tsx';
import { usePage, type DialogName } from './context.ts';
import { Modal } from './modal.tsx';
import { SilenceDialog } from './silence-dialog.tsx';
import { TestDialog } from './test-dialog.tsx';

export function Dialog({ dialog }: { readonly dialog: DialogName }): JSX.Element {
  switch (dialog.of) {
    case 'silence':
      return <SilenceDialog labels={dialog.labels} />;
    case 'reconcile':
      return <ReconcileDialog />;
    case 'test':
      return <TestDialog />;
    case 'help':
      return <HelpDialog />;
  }
}

function ReconcileDialog(): JSX.Element {
  const { tools, state } = usePage();
  const { steps, isRunning, start } = useAction();
  const count = currentPipelines(state).length;
  return (
    <Modal title="Look at all pipelines now">
      <p>
        {count.toLocaleString('en')} {count === 1 ? 'pipeline is' : 'pipelines are'} looked at, before all other work.
        One pipeline alone: open it, and choose “Reconcile now”.
      </p>
      <Steps steps={steps} />
      <button
        type="button"
        class="main"
        aria-disabled={isRunning}
        onClick={() => !isRunning && start(reconcileNow(tools, undefined))}
      >
        Reconcile all
      </button>
    </Modal>
  );
}

const keys = [
  ['j, k', 'to the next or the last row of the list'],
  ['Enter', 'opens the row, and says why'],
  ['Escape', 'closes what is open'],
  ['/', 'to the filter of names'],
  ['Tab', 'to everything else'],
] as const;

function HelpDialog(): JSX.Element {
  return (
    <Modal title="Keys">
      <dl class="labels-list">
        {keys.map(([key, what]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <p>Times are local; rest on one to see it in UTC. Drag over the timeline to look closer.</p>
    </Modal>
  );
}
