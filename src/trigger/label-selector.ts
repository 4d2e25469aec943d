import * as z from 'zod';
import type { LabelSet } from '../alert/labels.ts';
import { isLabelKey, isLabelValue } from '../text/kubernetes.ts';
import { checkedText, listField, mapField, refusedUnless } from './fields.ts';
import type { LabelSelector } from './trigger.ts';

const operators = ['In', 'NotIn', 'Exists', 'DoesNotExist'] as const;

const keyRule = 'the key of a label, as in app or example.com/app';
const valueRule = 'the value of a label: at most 63 letters, digits, "-", "_" and "."';
const value = z.lazy(() => checkedText(isLabelValue, 'The value of a label.', valueRule));

const expression = z.lazy(() =>
  mapField(
    {
      key: checkedText(isLabelKey, 'The key of the label.', keyRule),
      operator: z
        .enum(operators, { error: refusedUnless(operators.join(', ')) })
        .meta({ description: 'In and NotIn compare with values; Exists and DoesNotExist ask for the label alone.' }),
      values: listField(value, 'For In and NotIn only.', 'a list of values').optional(),
    },
    'One requirement; an object has to meet all of them.',
  ).check(
    z.refine(({ operator, values = [] }) => operator.endsWith('In') === values.length > 0, {
      path: ['values'],
      error: 'allowed: at least one value with In and NotIn, none with Exists and DoesNotExist',
    }),
  ),
);

const fields = z.lazy(() =>
  mapField(
    {
      matchLabels: z
        .record(checkedText(isLabelKey, 'The key of a label.', keyRule), value, {
          error: ({ code, input }) =>
            code === 'invalid_key'
              ? `allowed: ${keyRule}`
              : refusedUnless('a map of labels, as in {app: shop}')({ input }),
        })
        .meta({ description: 'Labels that an object has to have.' })
        .optional(),
      matchExpressions: listField(expression, 'Requirements beyond equality.', 'a list of requirements').optional(),
    },
    'Which objects, by their labels. An empty selector means all.',
  ),
);

/** metav1.LabelSelector. */
export const LabelSelectorField = fields.transform((selector): LabelSelector => withoutUndefined(selector));

function withoutUndefined({ matchLabels, matchExpressions }: z.output<typeof fields>): LabelSelector {
  return {
    ...(matchLabels !== undefined && { matchLabels }),
    ...(matchExpressions !== undefined && {
      matchExpressions: matchExpressions.map(({ key, operator, values }) => ({
        key,
        operator,
        ...(values !== undefined && { values }),
      })),
    }),
  };
}

/** Whether an object with these labels is selected, as Kubernetes decides it. */
export function selects({ matchLabels = {}, matchExpressions = [] }: LabelSelector, labels: LabelSet): boolean {
  const isEqual = Object.entries(matchLabels).every(([key, wanted]) => labelOf(labels, key) === wanted);
  return isEqual && matchExpressions.every((requirement) => meets(labels, requirement));
}

type Requirement = NonNullable<LabelSelector['matchExpressions']>[number];

function meets(labels: LabelSet, { key, operator, values = [] }: Requirement): boolean {
  const found = labelOf(labels, key);
  switch (operator) {
    case 'In':
      return found !== undefined && values.includes(found);
    case 'NotIn':
      // An object without the label is not in the list either.
      return found === undefined || !values.includes(found);
    case 'Exists':
      return found !== undefined;
    case 'DoesNotExist':
      return found === undefined;
  }
}

function labelOf(labels: LabelSet, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}
