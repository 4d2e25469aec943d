import * as z from 'zod';
import type { Reader } from '../config/settings/reader.ts';
import { readDuration } from '../config/settings/value-readers.ts';
import { MatcherError } from '../matcher/anchored-regexp.ts';
import type { Matcher } from '../matcher/matcher.ts';
import { parseMatchers } from '../matcher/parse-matcher.ts';
import { dnsSubdomainRule, isAnnotationKey, isDnsLabel, isDnsSubdomain, readApiVersion } from '../text/kubernetes.ts';
import { parseDateTime } from '../text/go/date-time.ts';
import { checkedText, listField, mapField, refusedUnless, textField } from './fields.ts';
import { LabelSelectorField } from './label-selector.ts';
import { compileTemplate, TemplateError } from './template.ts';
import type { Template } from './trigger.ts';

/** A timer of Node can wait 24.8 days, and a longer one would fire at once. */
const longest = '1w';

/** The most runs of a budget: the time of each is kept, for each object. */
const maxRuns = 1000;

const matcherRule = 'a Prometheus matcher, as in alertname=~"Postgres.*"';

const readMatchers: Reader<readonly Matcher[]> = (found) => {
  try {
    const matchers = parseMatchers(String(found));
    // An empty text would match every alert, which nobody writes on purpose.
    return matchers.length === 0 ? { allowed: matcherRule } : { value: matchers };
  } catch (error) {
    if (!(error instanceof MatcherError)) throw error;
    return { allowed: `${matcherRule} (${error.message})` };
  }
};

function matchersField(
  description: string,
): z.ZodArray<z.ZodPipe<z.ZodString, z.ZodTransform<readonly Matcher[], string>>> {
  const one = textField(readMatchers, 'One matcher, or several with commas between them.', matcherRule);
  return listField(one, description, `a list of matchers, as in ['severity="critical"']`);
}

type TextField<T> = z.ZodPipe<z.ZodString, z.ZodTransform<T, string>>;

function templateField(description: string, isName: (text: string) => boolean, rule: string): TextField<Template> {
  const read: Reader<Template> = (found) => {
    try {
      const template = compileTemplate(String(found));
      const isWrong = template.isFixed && !isName(template.text);
      return isWrong ? { allowed: `${rule}, or a template of one, as in {{ labels.name }}` } : { value: template };
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error;
      return { allowed: `a template (${error.message})` };
    }
  };
  return textField(read, description, `${rule}, or a template of one`);
}

const nameField = (description: string): TextField<Template> =>
  templateField(description, isDnsSubdomain, dnsSubdomainRule);

const kindField = (description: string): TextField<string> =>
  checkedText((text) => /^[A-Z][A-Za-z0-9]{0,62}$/.test(text), description, 'the name of a kind, as in Deployment');

const target = z.lazy(() =>
  mapField(
    {
      apiVersion: checkedText(
        (text) => readApiVersion(text) !== undefined,
        'Group and version of the objects, as in apps/v1.',
        'a group and a version, as in apps/v1, or a version of the core group, as in v1',
      ).optional(),
      kind: kindField('The kind of the objects.').optional(),
      namespace: templateField(
        'Where the objects are. Without it: in the namespace of the trigger. A trigger of a namespace reaches another one only where the admin allows it.',
        isDnsLabel,
        'the name of a namespace',
      ).optional(),
      name: nameField(
        'The name of the object. It may hold {{ labels.x }}, {{ annotations.x }}, {{ alertname }} and {{ now }} of the alert.',
      ).optional(),
      selector: LabelSelectorField.optional(),
      ownerOf: mapField(
        {
          pod: nameField('The name of a pod in the namespace of the target, as in {{ labels.pod }}.'),
          kind: kindField('The first owner of this kind. Without it: the top of the owner references.').optional(),
        },
        'What owns a pod.',
      ).optional(),
    },
    'Objects that are woken: one by its name, all that a selector selects, or what owns a pod.',
  ),
);

const conditionType =
  /^(?:[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*\/)?(?:[A-Za-z0-9][-\w.]*)?[A-Za-z0-9]$/;

export const presetNames = ['flux', 'argocd', 'crossplane', 'external-secrets', 'restart'] as const;
export type PresetName = (typeof presetNames)[number];

const action = z.lazy(() =>
  mapField(
    {
      condition: mapField(
        {
          type: checkedText(
            (text) => text.length <= 316 && conditionType.test(text),
            "The type of the condition. Without it: the health rules of Kyma's kinds.",
            'the type of a condition, as in AlertsQuiet',
          ).optional(),
        },
        'Writes a condition: False while an alert fires for the object, True when none does.',
      ).optional(),
      annotate: mapField(
        {
          preset: z
            .enum(presetNames, { error: refusedUnless(presetNames.join(', ')) })
            .meta({ description: 'The annotation that another controller waits for. restart needs a budget.' })
            .optional(),
          key: checkedText(
            isAnnotationKey,
            'The key of the annotation.',
            "an annotation's key, as example.com/requested-at",
          ).optional(),
          value: templateField(
            'The value of the annotation beside key. It may hold places as in a name, {{ now }} for instance.',
            (text) => !/\p{Cc}/u.test(text),
            'a text of one line',
          ).optional(),
        },
        'Sets an annotation, so that the controller of the object reconciles it.',
      ).optional(),
      log: mapField({}, 'Only tells.').optional(),
    },
    'What is done to each object: one of condition, annotate and log.',
  ),
);

const readUntil: Reader<number> = (found) => {
  const isDateTime =
    typeof found === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/.test(found);
  const value = isDateTime ? parseDateTime(found) : undefined;
  return value === undefined ? { allowed: 'a time, as in 2026-12-01T06:00:00Z' } : { value };
};

const inhibition = z.lazy(() =>
  mapField(
    {
      matchers: matchersField('They select the alerts that inhibit.').min(1, {
        error: 'found none, allowed: at least one matcher',
      }),
      equal: listField(
        checkedText((name) => name !== '', 'The name of a label.', 'the name of a label'),
        'Labels that both alerts have to have with the same value; one that is missing is the same as an empty one.',
        'a list of names of labels',
      ).optional(),
    },
    'While an alert fires that matches, alerts of this trigger wake nothing.',
  ),
);

const budget = z.lazy(() =>
  mapField(
    {
      runs: z
        .int({ error: refusedUnless(`a whole number from 1 to ${maxRuns}`) })
        .min(1, { error: refusedUnless(`a whole number from 1 to ${maxRuns}`) })
        .max(maxRuns, { error: refusedUnless(`a whole number from 1 to ${maxRuns}`) })
        .meta({ description: 'The most runs.' }),
      per: textField(readDuration('1s', longest), 'The length of the window.', 'a duration, as in 1h'),
    },
    'The most runs for one object in any window of this length; what is over it waits.',
  ),
);

const suspend = z.lazy(() =>
  mapField(
    {
      reason: checkedText(
        (text) => text.trim() !== '' && text.length <= 256 && !/\p{Cc}/u.test(text),
        'Why, for whoever looks.',
        'a text of one line of at most 256 characters',
      ),
      until: textField(readUntil, 'When it ends. Without it: when it is taken out.', 'a time').optional(),
    },
    'The trigger wakes nothing for now.',
  ),
);

/**
 * What may stand in the `spec` of an AlertTrigger or a ClusterAlertTrigger, and flat in an entry of `triggers.list`. It reads texts
 * into what they mean; as a JSON schema (`io: 'input'`) it describes the custom resource. It is built when it is first used: without triggers it costs the start nothing. What concerns several fields at once is in
 * `spec-rules.ts`.
 */
export const TriggerSpec = z.lazy(() =>
  mapField(
    {
      matchers: matchersField(
        'All have to match. A trigger of a namespace gets namespace="..." besides. None: every alert of its scope.',
      ).optional(),
      inhibitedBy: listField(
        inhibition,
        'Alerts that keep this trigger quiet while they fire.',
        'a list of inhibitions',
      ).optional(),
      targets: listField(target, 'The objects that are woken.', 'a list of targets').min(1, {
        error: 'found none, allowed: at least one target',
      }),
      action,
      minInterval: textField(
        readDuration('0s', longest),
        'The least time between two runs for one object.',
        'a duration, as in 30s',
      ).optional(),
      budget: budget.optional(),
      mode: z
        .enum(['enforce', 'observe'], { error: refusedUnless('enforce, observe') })
        .meta({ description: 'observe: it decides and tells, and does nothing.' })
        .optional(),
      suspend: suspend.optional(),
    },
    'Which alerts wake which objects, and what is done then.',
  ),
);

export type ReadSpec = z.output<typeof TriggerSpec>;
export type ReadTarget = ReadSpec['targets'][number];
