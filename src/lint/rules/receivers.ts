import { shown } from '../leaf-values.ts';
import type { Rule, RuleContext } from '../rule.ts';
import type { YamlValue } from '../yaml-value.ts';

/** One of these keys is needed. `global.NAME` is the key NAME of the section `global`. */
type OneOf = readonly string[];

/** What an integration needs to send anything. */
const needs: Readonly<Record<string, readonly OneOf[]>> = {
  discord_configs: [['webhook_url', 'webhook_url_file']],
  email_configs: [['to'], ['smarthost', 'global.smtp_smarthost'], ['from', 'global.smtp_from']],
  incidentio_configs: [
    ['url', 'url_file'],
    ['alert_source_token', 'alert_source_token_file', 'http_config'],
  ],
  jira_configs: [['project'], ['issue_type'], ['api_url', 'global.jira_api_url']],
  mattermost_configs: [
    ['webhook_url', 'webhook_url_file', 'global.mattermost_webhook_url', 'global.mattermost_webhook_url_file'],
  ],
  msteams_configs: [['webhook_url', 'webhook_url_file']],
  msteamsv2_configs: [['webhook_url', 'webhook_url_file']],
  opsgenie_configs: [['api_key', 'api_key_file', 'global.opsgenie_api_key', 'global.opsgenie_api_key_file']],
  pagerduty_configs: [['routing_key', 'routing_key_file', 'service_key', 'service_key_file']],
  pushover_configs: [
    ['user_key', 'user_key_file'],
    ['token', 'token_file'],
  ],
  rocketchat_configs: [
    ['token', 'token_file', 'global.rocketchat_token', 'global.rocketchat_token_file'],
    ['token_id', 'token_id_file', 'global.rocketchat_token_id', 'global.rocketchat_token_id_file'],
  ],
  slack_configs: [
    [
      'api_url',
      'api_url_file',
      'app_token',
      'app_token_file',
      'global.slack_api_url',
      'global.slack_api_url_file',
      'global.slack_app_token',
      'global.slack_app_token_file',
    ],
  ],
  sns_configs: [['target_arn', 'topic_arn', 'phone_number']],
  telegram_configs: [
    ['chat_id', 'chat_id_file'],
    ['bot_token', 'bot_token_file', 'global.telegram_bot_token', 'global.telegram_bot_token_file'],
  ],
  victorops_configs: [
    ['routing_key'],
    ['api_key', 'api_key_file', 'global.victorops_api_key', 'global.victorops_api_key_file'],
  ],
  webex_configs: [['room_id'], ['http_config']],
  webhook_configs: [['url', 'url_file']],
  wechat_configs: [
    ['api_secret', 'api_secret_file', 'global.wechat_api_secret', 'global.wechat_api_secret_file'],
    ['corp_id', 'global.wechat_api_corp_id'],
  ],
};

/** Those that Alertmanager takes with all their defaults, if the item is null. */
const mayBeNull = new Set(['slack_configs', 'opsgenie_configs', 'wechat_configs', 'rocketchat_configs']);

/** What a receiver sends with, and what each integration needs. */
export const receiverRule: Rule = (context) => {
  const { root } = context.subject;
  const used = usedReceivers(root.get('route'));
  for (const receiver of root.get('receivers')?.items ?? []) {
    checkEmpty(receiver, used, context);
    for (const { key, value } of receiver.entries)
      for (const integration of value.items) checkIntegration(key, integration, root.get('global'), context);
  }
};

function usedReceivers(route: YamlValue | undefined): ReadonlySet<string> {
  const inner = route?.get('routes')?.items ?? [];
  return new Set([route?.get('receiver')?.text ?? '', ...inner.flatMap((each) => [...usedReceivers(each)])]);
}

/** A receiver without an integration is a way to drop alerts, and is called so where that is meant. */
function checkEmpty(receiver: YamlValue, used: ReadonlySet<string>, { report }: RuleContext): void {
  const name = receiver.get('name');
  if (
    name?.text === undefined ||
    receiver.entries.some(({ key, value }) => key.endsWith('_configs') && value.items.length > 0)
  )
    return;
  if (
    !used.has(name.text) ||
    /null|none|nobody|blackhole|black-hole|drop|discard|noop|void|devnull|silence/i.test(name.text)
  )
    return;
  report('empty-receiver', name, `receiver ${shown(name.text)} has no integration: its alerts go nowhere`, {
    hint: 'add one, such as webhook_configs; if that is meant, call the receiver "null"',
  });
}

function checkIntegration(
  key: string,
  integration: YamlValue,
  global: YamlValue | undefined,
  { report }: RuleContext,
): void {
  if (integration.kind === 'null' && !mayBeNull.has(key) && needs[key] !== undefined)
    report('missing-key', integration, `${key}: an item without content`, { hint: 'add its keys, or remove it' });
  if (integration.kind !== 'map') return;
  const isSet = (name: string): boolean => {
    const value = name.startsWith('global.') ? global?.get(name.slice('global.'.length)) : integration.get(name);
    return value !== undefined && value.kind !== 'null' && value.text !== '';
  };
  for (const names of needs[key] ?? [])
    if (!names.some(isSet)) {
      const own = names.filter((name) => !name.startsWith('global.'));
      const others = names.filter((name) => name.startsWith('global.'));
      const orElse = others.length === 0 ? '' : `, or ${others.join(', ')} for all receivers`;
      report('missing-key', integration, `${key}: ${own.join(' or ')} is missing`, {
        hint: `add ${own.at(-1)}${orElse}`,
      });
    }
}
