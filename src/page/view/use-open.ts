import { isSameSelection, type Selection } from '../core/selection.ts';
import { useActions, useLink } from './context.ts';

/** What makes the rows of a table open something in the panel. */
export function useOpen<Item>(selectionOf: (item: Item) => Selection | undefined): {
  readonly isOpen: (item: Item) => boolean;
  readonly onOpen: (item: Item) => void;
} {
  const [link, { open }] = [useLink(), useActions()];
  return {
    isOpen: (item) => link.selected !== undefined && isSameSelection(link.selected, selectionOf(item)),
    onOpen: (item) => {
      const selection = selectionOf(item);
      if (selection !== undefined) open(selection);
    },
  };
}
