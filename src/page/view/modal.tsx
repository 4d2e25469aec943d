import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { useActions } from './context.ts';

/** The browser's own window: it keeps the focus inside, and Escape closes it. */
export function Modal({
  title,
  children,
}: {
  readonly title: string;
  readonly children: ComponentChildren;
}): JSX.Element {
  const { show } = useActions();
  const element = useRef<HTMLDialogElement>(null);
  useEffect(() => element.current?.showModal(), []);
  return (
    <dialog ref={element} aria-labelledby="dialog-title" onClose={() => show(undefined)}>
      <div class="panel-head">
        <h2 id="dialog-title">{title}</h2>
        <button type="button" class="quiet close" aria-label="Close" onClick={() => element.current?.close()}>
          ✕
        </button>
      </div>
      {children}
    </dialog>
  );
}

/** What is wrong with what was typed, read aloud at once. */
export function FieldProblem({ text }: { readonly text: string | undefined }): JSX.Element | null {
  if (text === undefined) return null;
  return (
    <p class="field-problem" role="alert">
      {text}
    </p>
  );
}

interface FieldProps {
  readonly label: string;
  readonly value: string;
  readonly change: (text: string) => void;
  readonly placeholder?: string;
  readonly autocomplete?: string;
  /** True for the field that is to be filled first. */
  readonly autofocus?: boolean;
}

export function TextField({ label, value, change, ...rest }: FieldProps): JSX.Element {
  return (
    <label>
      <span>{label}</span>
      <input {...rest} value={value} onInput={({ currentTarget }) => change(currentTarget.value)} />
    </label>
  );
}

/** One matcher, or one label, a line. */
export function LinesField({ label, value, change, ...rest }: FieldProps): JSX.Element {
  const rows = Math.min(8, Math.max(3, value.split('\n').length));
  return (
    <label>
      <span>{label}</span>
      <textarea
        {...rest}
        rows={rows}
        value={value}
        spellcheck={false}
        onInput={({ currentTarget }) => change(currentTarget.value)}
      />
    </label>
  );
}
