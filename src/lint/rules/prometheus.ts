import { parseDuration } from '../../config/settings/duration.ts';
import { shown } from '../leaf-values.ts';
import type { Rule, RuleContext } from '../rule.ts';
import { FileShape } from '../shape.ts';
import type { YamlValue } from '../yaml-value.ts';

/** A scrape must end before the next one begins. */
export const scrapeTimes: Rule = ({ subject: { root }, report }) => {
  const global = root.get('global');
  const globalInterval = msOf(global?.get('scrape_interval')) || 60_000;
  const globalTimeout = msOf(global?.get('scrape_timeout')) || Math.min(10_000, globalInterval);
  check(global, globalInterval, globalTimeout);
  for (const job of root.get('scrape_configs')?.items ?? []) {
    const interval = msOf(job.get('scrape_interval')) || globalInterval;
    check(job, interval, msOf(job.get('scrape_timeout')) || Math.min(globalTimeout, interval));
  }
  function check(section: YamlValue | undefined, interval: number, timeout: number): void {
    if (section === undefined || !(timeout > interval)) return;
    const where = section.get('scrape_timeout') ?? section.get('scrape_interval') ?? section;
    report('bad-duration', where, 'scrape_timeout is longer than scrape_interval', {
      hint: 'make scrape_timeout shorter, or scrape_interval longer',
    });
  }
};

/** 0 and what cannot be read both stand for the default. */
function msOf(value: YamlValue | undefined): number {
  return parseDuration(value?.text ?? '') ?? 0;
}

/** The port on which Prometheus listens if nothing else is said. */
const prometheusPort = '9090';

/** Targets are HOST:PORT; those under `alerting` are Alertmanagers. */
export const targetRule: Rule = (context) => {
  const shape = FileShape.of(context.subject);
  for (const { value, path, type } of shape?.spots(context.subject.root) ?? []) {
    if (type !== 'text' || path.at(-2) !== 'targets') continue;
    if (!value.text) reportEmpty(value, path, context);
    else if (value.text.includes('/')) reportUrl(value, value.text, path, context);
    else if (path[0] === 'alerting' && value.text.endsWith(`:${prometheusPort}`))
      context.report(
        'alerting-own-port',
        value,
        `alerts go to ${shown(value.text)}: 9090 is the port of Prometheus itself`,
        {
          hint: 'Alertmanager and Tocsin listen on 9093; is the host the one of the receiver?',
        },
      );
  }
};

/** Relabelling may make an address of a URL: that is how the targets of the blackbox exporter are written. */
function isRelabelled(root: YamlValue, path: readonly string[]): boolean {
  const section = path.slice(0, path.lastIndexOf('static_configs'));
  const owner = section.reduce<YamlValue | undefined>(
    (value, key) => value?.get(key) ?? value?.items[Number(key)],
    root,
  );
  return (owner?.get('relabel_configs')?.items.length ?? 0) > 0;
}

/** Prometheus takes an Alertmanager without an address, and sends to nobody. */
function reportEmpty(value: YamlValue, path: readonly string[], { report }: RuleContext): void {
  report('bad-target', value, 'a target without an address, allowed: HOST:PORT', {
    severity: path[0] === 'alerting' ? 'warning' : 'error',
    hint: 'name the host and the port, or remove it',
  });
}

function reportUrl(value: YamlValue, text: string, path: readonly string[], { subject, report }: RuleContext): void {
  if (isRelabelled(subject.root, path)) return;
  const [, host, rest = ''] = /^(?:https?:\/\/)?([\w.-]+(?::\d+)?)(\/.*)?$/.exec(text) ?? [];
  const isFixable =
    host !== undefined &&
    /^\/?$/.test(rest) &&
    value.style !== 'literal' &&
    value.style !== 'folded' &&
    !text.startsWith('https');
  const bounds = value.style === 'plain' ? value.range : value.rangeOf(0, text.length);
  report('bad-target', value, `found ${shown(text)}, allowed: HOST:PORT`, {
    hint: 'the scheme and the path are keys of their own: scheme, and path_prefix or metrics_path',
    fix: isFixable ? { does: `writes ${host}`, edits: [{ ...bounds, text: host }] } : undefined,
  });
}

/** Labels have a name. */
export const labelNameRule: Rule = ({ subject, report }) => {
  for (const { path, keyRange } of FileShape.of(subject)?.spots(subject.root) ?? [])
    if (keyRange !== undefined && path.at(-1) === '' && /^(?:external_)?labels$/.test(path.at(-2) ?? ''))
      report('bad-value', keyRange, 'a label without a name', { hint: 'name the label, or remove it' });
};
