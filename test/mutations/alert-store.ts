import type { MutatedPart } from './mutation.ts';

const file = 'alert/alert-store.ts';
const heap = 'alert/deadline-heap.ts';

export const alertStore: MutatedPart = {
  name: 'alert store',
  tests: ['alert/alert-store.test.ts', 'alert/deadline-heap.test.ts'],
  mutations: [
    {
      file,
      from: 'this.#alerts.size < maxAlerts',
      to: 'this.#alerts.size <= maxAlerts',
      means: 'one alert more than may be',
    },
    {
      file,
      from: '    this.#bytes += alert.sizeBytes;\n',
      to: '',
      means: 'the bound of memory counts nothing',
    },
    {
      file,
      from: 'this.#bytes -= alert.sizeBytes;',
      to: '',
      means: 'what is forgotten still counts: in the end nothing is taken',
    },
    {
      file,
      from: '    else this.#resolved.delete(alert);\n',
      to: '',
      means: 'an alert that fires again counts as resolved, and goes when room is needed',
    },
    {
      file,
      from: '    this.#bringForward(alert);\n',
      to: '',
      means: 'an end that comes earlier than promised is not noticed',
    },
    {
      file,
      from: '      this.#deadlines.set(alert, times.endsAt);\n      return false;',
      to: '      this.#deadlines.delete(alert);\n      return false;',
      means: 'an alert that was sent again never ends',
    },
    {
      file,
      from: "(edited ? 'changed' : 'repeated')",
      to: "'repeated'",
      means: 'new annotations are nothing new',
    },
    {
      file,
      from: "const expired = alert.announced === 'firing';",
      to: 'const expired = true;',
      means: 'a resolved alert that is forgotten wakes a reconcile',
    },
    {
      file,
      from: 'if (grown > 0 && this.#bytes + grown > this.#limits().maxBytes) return false;',
      to: '',
      means: 'annotations grow over the bound of memory',
    },
    {
      file: heap,
      from: 'deadlines[right]! < deadlines[left]! ? right : left',
      to: 'deadlines[right]! < deadlines[left]! ? left : right',
      means: 'the order of the deadlines is lost',
    },
  ],
};
