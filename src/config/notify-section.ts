import * as z from 'zod';
import { HttpConfig } from './http-config.ts';
import { readAlertmanagerUrl } from './settings/http-url.ts';
import { describeRefusal, type Reader } from './settings/reader.ts';
import { mapOf, required, section, secretSection, setting } from './settings/setting.ts';
import { readBoolean, readCount, readDuration, readSize } from './settings/value-readers.ts';

/** For what a timer of Node measures. */
const readTimeout = readDuration('1ms', '1w');

/** Each has connections, and a batch on its way. */
export const maxAlertmanagers = 8;

/** The labels that Tocsin itself sets: they identify the alert. */
const ownLabels = ['alertname', 'kind', 'group', 'namespace', 'name', 'reason', 'tocsin'];

const readLabelName: Reader<string> = (found) =>
  typeof found === 'string' && /^[a-zA-Z_]\w*$/.test(found) && found.length <= 100 && !ownLabels.includes(found)
    ? { value: found }
    : { allowed: `the name of a label, as in severity, and none of ${ownLabels.join(', ')}` };

/** In characters; each alert has all of them. */
const maxLabelValue = 256;
const maxLabels = 16;

const readLabelValue: Reader<string> = (found) =>
  typeof found === 'string' && found !== '' && found.length <= maxLabelValue
    ? { value: found }
    : { allowed: `a text of at most ${maxLabelValue} characters, in quotes if it looks like a number` };

const Alertmanager = secretSection({ url: required(readAlertmanagerUrl), http_config: HttpConfig });
type Alertmanagers = readonly z.infer<typeof Alertmanager>[];

const fewAlertmanagers = z.refine<Alertmanagers>((found) => found.length <= maxAlertmanagers, {
  error: ({ input }) => `found ${(input as Alertmanagers).length} Alertmanagers, allowed: at most ${maxAlertmanagers}`,
});
const eachOnce = z.refine<Alertmanagers>((found) => new Set(found.map(({ url }) => url)).size === found.length, {
  error: 'found one URL twice, allowed: each Alertmanager once',
});
const fewLabels = z.refine<ReadonlyMap<string, string>>((found) => found.size <= maxLabels, {
  error: ({ input }) => `found ${(input as ReadonlyMap<string, string>).size} labels, allowed: at most ${maxLabels}`,
});

/** To whom Tocsin sends an alert of its own for each pipeline that is not healthy. Without an Alertmanager: to nobody. */
export const NotifySection = section({
  alertmanagers: z.preprocess(
    (found) => found ?? [],
    z
      .array(Alertmanager, {
        error: ({ input }) =>
          describeRefusal(input, { allowed: 'a list, as in [{url: http://alertmanager:9093}]', secret: true }),
      })
      .check(fewAlertmanagers, eachOnce)
      .readonly(),
  ),
  /** Labels that every alert gets besides its own. */
  labels: mapOf(readLabelValue, readLabelName, { allowed: 'a map of labels, as in {severity: critical}' }).check(
    fewLabels,
  ),
  /** Whether a condition that is Unknown is an alert too. */
  unknown: setting(readBoolean, false),
  /** How often what fires is told again, as `--rules.alert.resend-delay` of Prometheus. An alert ends four times as long after the last. */
  resend_delay: setting(readTimeout, '1m'),
  /** For one request. */
  timeout: setting(readTimeout, '10s'),
  /** The most alerts of one request. */
  batch_size: setting(readCount, 64),
  /** The memory limit for all alerts, an estimate. */
  max_size: setting(readSize('1KiB'), '4MiB'),
});
