/** The part of the configuration that says who is told what: channels, routes, rules, the watch list. */
import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'
import { z } from 'zod'
import { key } from './key.ts'
import { duration, httpUrl, path, secret } from './values.ts'

const name = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,31}$/, 'must be 1 to 32 lower-case letters, digits or hyphens, first a letter')

/** A URL that is a credential itself, as most chat services have it. */
const secretUrl = (what: string, example: string) => ({
  url: key(
    secret().optional(),
    `${what}. It is a credential: write it as \${NAME} to take it from the environment.`,
    example,
  ),
  url_file: key(path().optional(), 'File whose first line is that URL.', './webhook.url'),
})

const trust = key(
  path().optional(),
  'PEM file of the roots that may sign its TLS certificate.',
  './alerts.pem',
)

// biome-ignore-start lint/suspicious/noTemplateCurlyInString: examples show this very syntax
const webhook = z.strictObject({
  url: key(httpUrl(), 'Where CloudEvents 1.0 go, as JSON by POST.', 'https://hooks.example.net/acmetap'),
  secret: key(
    secret().optional(),
    'Signs each request: HMAC-SHA256 in Acmetap-Signature.',
    '${WEBHOOK_SECRET}',
  ),
  secret_file: key(path().optional(), 'File whose first line is that secret.', './webhook.secret'),
  trust,
})

const email = z.strictObject({
  smtp: key(
    z.string().regex(/^smtps?:\/\/[^\s/@]+$/, 'must be smtp://host:port or smtps://host:port'),
    'Mail server. smtp:// uses STARTTLS, unless tls is off.',
    'smtp://mail.example.net:587',
  ),
  tls: key(
    z.enum(['required', 'off']).default('required'),
    'required, or off for a mail server on this machine.',
  ),
  username: key(z.string().min(1).optional(), 'User name at the mail server.', 'acmetap'),
  password: key(secret().optional(), 'Its password.', '${SMTP_PASSWORD}'),
  password_file: key(path().optional(), 'File whose first line is that password.', './smtp.password'),
  from: key(z.email('must be a mail address'), 'Sender.', 'acmetap@example.net'),
  to: key(
    z.array(z.email('must be a mail address')).min(1, 'must hold at least one address'),
    'Who gets it.',
    ['ops@example.net'],
  ),
  digest: key(
    duration('0s', '7d').prefault('0s'),
    'Collect what is not critical for so long into one mail. 0s: every one by itself.',
  ),
  trust,
})

const chat = (what: string, example: string) => z.strictObject({ ...secretUrl(what, example), trust })

const channel = z.strictObject({
  name: key(name, 'Its name, for routes, commands and the history.', 'ops'),
  webhook: key(webhook.optional(), 'POST CloudEvents.'),
  email: key(email.optional(), 'Send mail.'),
  slack: key(chat('Incoming webhook of Slack', '${SLACK_URL}').optional(), 'Post to Slack.'),
  teams: key(
    chat('Workflow URL of Microsoft Teams', '${TEAMS_URL}').optional(),
    'Post an adaptive card to Microsoft Teams.',
  ),
  discord: key(chat('Webhook of Discord', '${DISCORD_URL}').optional(), 'Post to Discord.'),
  mattermost: key(
    chat('Incoming webhook of Mattermost', '${MATTERMOST_URL}').optional(),
    'Post to Mattermost.',
  ),
  telegram: key(
    z
      .strictObject({
        token: key(secret().optional(), 'Token of the bot.', '${TELEGRAM_TOKEN}'),
        token_file: key(path().optional(), 'File whose first line is that token.', './telegram.token'),
        chat: key(z.string().min(1), 'Id of the chat.', "'-1001234567890'"),
        url: key(httpUrl().default('https://api.telegram.org'), 'Its API.'),
        trust,
      })
      .optional(),
    'Send by a Telegram bot.',
  ),
  ntfy: key(
    z
      .strictObject({
        url: key(httpUrl().default('https://ntfy.sh'), 'Server.'),
        topic: key(
          z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 letters, digits, - or _'),
          'Topic.',
          'fleet-certificates',
        ),
        token: key(secret().optional(), 'Access token.', '${NTFY_TOKEN}'),
        token_file: key(path().optional(), 'File whose first line is that token.', './ntfy.token'),
        trust,
      })
      .optional(),
    'Publish to ntfy.',
  ),
  pagerduty: key(
    z
      .strictObject({
        routing_key: key(secret().optional(), 'Integration key (Events API v2).', '${PAGERDUTY_KEY}'),
        routing_key_file: key(path().optional(), 'File whose first line is that key.', './pagerduty.key'),
        url: key(httpUrl().default('https://events.pagerduty.com'), 'Its API.'),
        trust,
      })
      .optional(),
    'Trigger and resolve PagerDuty incidents.',
  ),
  opsgenie: key(
    z
      .strictObject({
        api_key: key(secret().optional(), 'API key.', '${OPSGENIE_KEY}'),
        api_key_file: key(path().optional(), 'File whose first line is that key.', './opsgenie.key'),
        url: key(
          httpUrl().default('https://api.opsgenie.com'),
          'Its API; https://api.eu.opsgenie.com in the EU.',
        ),
        trust,
      })
      .optional(),
    'Create and close Opsgenie alerts.',
  ),
  alertmanager: key(
    z
      .strictObject({
        url: key(httpUrl(), 'Base URL of the Alertmanager (API v2).', 'http://127.0.0.1:9093'),
        trust,
      })
      .optional(),
    'Post to a Prometheus Alertmanager.',
  ),
  resolved: key(z.boolean().default(true), 'Tell also that something is over.'),
  heartbeat: key(
    duration('30s', '7d').optional(),
    'Send a sign of life so often, while alerts are evaluated. Its absence is for whoever receives it to notice.',
    '5m',
  ),
  report: key(
    z.boolean().default(false),
    'Send the weekly report: what happened, or that there is nothing to report.',
  ),
})

// biome-ignore-end lint/suspicious/noTemplateCurlyInString: examples show this very syntax

const route = z.strictObject({
  rules: key(z.array(z.string()).optional(), 'Only alerts of these rules.', ['validation-failed']),
  severity: key(z.array(z.enum(['info', 'warning', 'critical'])).optional(), 'Only of these severities.', [
    'critical',
  ]),
  names: key(
    z.array(z.string()).optional(),
    'Only about these names; .example.com is the name and all below it.',
    ['.shop.example.com'],
  ),
  labels: key(z.array(z.string()).optional(), 'Only of clients with these labels.', ['cluster-a']),
  cas: key(z.array(z.string()).optional(), 'Only of these CAs.', ['pebble']),
  teams: key(z.array(z.string()).optional(), 'Only what belongs to these teams (alerts.teams).', ['web']),
  channels: key(z.array(z.string()), 'Who is told: names of channels. Empty: nobody.', ['ops']),
  escalate: key(
    z
      .strictObject({
        channel: key(z.string(), 'The second channel.', 'pager'),
        undelivered: key(
          duration('10s', '7d').prefault('5m'),
          'When a channel has not taken a notification for so long.',
        ),
        unresolved: key(
          duration('1m', '90d').optional(),
          'When an alert fires for so long, unsilenced.',
          '4h',
        ),
      })
      .optional(),
    'Tell a second channel too.',
  ),
  continue: key(z.boolean().default(false), 'Go on with the next route even when this one matched.'),
})

const team = z.strictObject({
  names: key(
    z.array(z.string()).default([]),
    'Names that are theirs; .example.com is the name and all below it.',
    ['.shop.example.com'],
  ),
  labels: key(z.array(z.string()).default([]), 'Labels of clients that are theirs.', ['cluster-a']),
})

type Level = 'info' | 'warning' | 'critical'

/** What every rule has: when it is on, how bad it is, and how often the same is told again. */
function rule<Own extends z.ZodRawShape = Record<never, never>>(
  description: string,
  severity: Level,
  quiet: string,
  own: Own = {} as Own,
  enabled = true,
) {
  const shape = {
    enabled: key(z.boolean().default(enabled), 'Whether anybody looks.'),
    severity: key(z.enum(['info', 'warning', 'critical']).default(severity), 'info, warning or critical.'),
    quiet: key(duration('1m', '90d').prefault(quiet), 'An alert that goes on is told again after so long.'),
    ...own,
  }
  return key(z.strictObject(shape).prefault({} as never), description)
}

const count = (least: number, value: number, description: string) =>
  key(z.int('must be a whole number').min(least, `must be ${least} or more`).default(value), description)
const fraction = (value: number, description: string) =>
  key(z.number().min(0, 'must be 0 to 1').max(1, 'must be 0 to 1').default(value), description)
const time = (value: string, description: string) => key(duration('1s', '400d').prefault(value), description)
const days = (value: number[], description: string) =>
  key(
    z
      .array(z.number().positive('must be more than 0'))
      .min(1, 'must hold at least one number')
      .default(value),
    description,
  )

const rules = z.strictObject({
  'validation-failed': rule('A CA could not validate a name for a client.', 'warning', '1d'),
  'issuance-failed': rule(
    'A request on the way to a certificate failed for another reason.',
    'warning',
    '1d',
  ),
  'limit-hit': rule('A CA applied a rate limit (429), or was too busy (503).', 'warning', '6h'),
  'account-paused': rule(
    'A CA has paused names for an account: nothing is issued until somebody unpauses.',
    'critical',
    '1d',
  ),
  refused: rule('acmetap refused a request.', 'warning', '1d'),
  'policy-warned': rule(
    'A request passed though a rule of the policy, of effect or mode warn, spoke against it.',
    'warning',
    '1d',
  ),
  'new-account': rule('An account appeared that was not seen before.', 'info', '7d', {
    after: time('7d', 'Not in the first days of the record, when everything is new.'),
  }),
  'new-ca': rule('A CA was asked for a certificate for the first time.', 'warning', '7d', {
    after: time('7d', 'Not in the first days of the record, when everything is new.'),
  }),
  'new-names': rule('A certificate was asked for with names that were not seen before.', 'info', '7d', {
    after: time('7d', 'Not in the first days of the record, when everything is new.'),
  }),
  'account-churn': rule('One place makes account after account.', 'warning', '1d', {
    accounts: count(2, 7, "So many accounts within the period; Let's Encrypt allows 10 in 3 h."),
    within: time('3h', 'The period.'),
  }),
  'client-looping': rule('A client gets the same certificate again and again.', 'warning', '1d', {
    certificates: count(2, 3, "So many for the same names within the period; Let's Encrypt allows 5 in 7 d."),
    within: time('7d', 'The period.'),
  }),
  'renewal-overdue': rule(
    'A certificate should have been renewed by now, and nobody has asked.',
    'warning',
    '3d',
    {
      margin: fraction(
        0.05,
        'So much of its life may pass after the renewal is due; at least a fifth of a life below ten days, and a week where a life of 60 days or more was never seen renewed.',
      ),
    },
  ),
  'certificate-expiring': rule('A certificate ends soon and has no successor.', 'warning', '30d', {
    days: days([21, 14, 7, 3, 1], 'Told at each of these numbers of days before the end.'),
    fractions: days(
      [0.25, 0.15, 0.08, 0.03],
      'The same for certificates that live less than 60 days, as parts of their life.',
    ),
    critical: key(
      z.number().positive('must be more than 0').default(7),
      'Critical from so many days on; for short lives from a twelfth of it on.',
    ),
  }),
  'client-silent': rule('A client that came regularly has gone silent.', 'warning', '7d', {
    factor: key(z.number().min(1, 'must be 1 or more').default(3), 'So many times its longest usual pause.'),
    least: time('3d', 'Not before so long.'),
  }),
  'ca-down': rule('A CA does not answer, or answers with errors, as the fleet sees it.', 'critical', '1h', {
    share: fraction(0.5, 'So much of the exchanges of the last five minutes failed.'),
    exchanges: count(1, 5, 'Of at least so many.'),
  }),
  'ca-slow': rule('A CA answers slowly, as the fleet sees it.', 'warning', '6h', {
    p95: time('10s', '95 of 100 answers of the last five minutes took less than this.'),
    exchanges: count(1, 20, 'Of at least so many.'),
  }),
  'record-unwritable': rule('The record cannot be written, so nothing is forwarded.', 'critical', '15m', {
    after: time('2s', 'When it lasts so long.'),
  }),
  'record-lagging': rule(
    'What is derived from the record, or outcomes that wait beside it, fall behind.',
    'warning',
    '6h',
    {
      after: time('5m', 'When it lasts so long.'),
      facts: count(1, 1000, 'So many facts behind.'),
    },
  ),
  'root-expiring': rule("One of acmetap's own roots ends soon.", 'warning', '7d', {
    before: time('60d', 'So long before its end.'),
  }),
  'policy-expiring': rule('A rule of the policy ends soon, or has ended.', 'warning', '7d', {
    before: time('7d', 'So long before its end.'),
    after: time('7d', 'And for so long after it.'),
  }),
  'engine-renewal': rule('acmetap cannot obtain or renew a managed certificate.', 'warning', '1d', {
    attempts: count(1, 2, 'When so many attempts have failed.'),
    critical: fraction(0.15, 'Critical when less of its life is left, after the first one already.'),
  }),
  'ca-account': rule("A CA no longer takes an account of acmetap's own.", 'critical', '1d', {}),
  'clock-skew': rule("This machine's clock and those of the CAs differ.", 'warning', '1d', {
    by: time('60s', 'By more than this.'),
  }),
  'sink-down': rule('A sink does not take what it is sent.', 'warning', '6h', {
    after: time('1m', 'When it lasts so long.'),
  }),
  'channel-down': rule('A channel of alerts does not take what it is sent.', 'critical', '6h', {
    after: time('2m', 'When it lasts so long.'),
  }),
  'endpoint-expiring': rule(
    'A place of the watch list serves a certificate that ends soon.',
    'warning',
    '7d',
    {
      warning: key(
        z.number().positive('must be more than 0').default(21),
        'Days before the end, for a warning.',
      ),
      critical: key(
        z.number().positive('must be more than 0').default(14),
        'Days before the end, when it becomes critical.',
      ),
      fractions: key(
        z.tuple([z.number(), z.number()]).default([0.23, 0.15]),
        'The same for certificates that live less than 60 days, as parts of their life.',
      ),
    },
  ),
  'endpoint-outdated': rule(
    'A place of the watch list still serves the certificate before the renewal.',
    'warning',
    '1d',
    {
      after: time('12h', 'So long after the renewal.'),
    },
  ),
  'endpoint-unreachable': rule(
    'A place of the watch list serves no certificate that verifies.',
    'warning',
    '7d',
    {
      after: time('2d', 'When it lasts so long.'),
    },
  ),
})

export const alerts = z.strictObject({
  channels: key(z.array(channel).optional(), 'Where people are told. Without any, alerts are only listed.'),
  routes: key(
    z.array(route).optional(),
    'Who is told what: the first that matches. Without any: every channel gets warning and critical.',
  ),
  teams: key(z.record(name, team).optional(), 'What belongs to whom, for routes.', 'web'),
  rules: key(rules.prefault({}), 'What is an alert.'),
  wait: key(
    duration('0s', '5m').prefault('2s'),
    'How long to wait for more of the same before the first notification.',
  ),
  burst: key(
    z.int('must be a whole number').min(1, 'must be 1 to 100').max(100, 'must be 1 to 100').default(10),
    'Notifications of one rule to one channel within the interval; one of more than ten alerts counts as three. What comes above it is told together.',
  ),
  interval: key(duration('10s', '1d').prefault('5m'), 'That interval.'),
  url: key(
    httpUrl().optional(),
    'How people reach the admin listener: links in messages begin with it. Without it messages say which command shows it.',
    'https://acmetap.example.net:9080',
  ),
  templates: key(
    z
      .strictObject({
        title: key(path().optional(), 'Liquid template of the title.', './alert-title.liquid'),
        text: key(path().optional(), 'Of the plain text.', './alert-text.liquid'),
        html: key(path().optional(), 'Of the mail as HTML.', './alert-html.liquid'),
      })
      .optional(),
    'Templates in place of the built-in ones.',
  ),
})

/** Protocols that begin in plain text and then change to TLS. */
export const STARTTLS = ['smtp', 'imap', 'pop3', 'ftp', 'ldap', 'postgres', 'xmpp', 'sieve'] as const

/** `host:port` or `host:port/starttls kind`; IPv6 addresses in brackets. */
export const endpointText = () =>
  z
    .string()
    .max(300)
    .regex(
      new RegExp(`^(\\[[0-9a-fA-F:.]+\\]|[A-Za-z0-9._-]+):\\d{1,5}(/(${STARTTLS.join('|')}))?$`),
      `must be host:port, or host:port/KIND where the protocol begins in plain text (${STARTTLS.join(', ')})`,
    )
    .refine(hasPort, 'must have a port from 1 to 65535')
    .overwrite(oneSpelling)

function hasPort(text: string): boolean {
  // Without a port the form is wrong already, and that has been said.
  const port = Number(/:(\d{1,5})(?:\/|$)/.exec(text)?.[1] ?? 1)
  return port >= 1 && port <= 65_535
}

/** Two spellings of one place would be looked at twice. */
function oneSpelling(text: string): string {
  const lower = text.toLowerCase()
  const [, address = ''] = /^\[([^\]]+)\]/.exec(lower) ?? []
  if (isIP(address) === 6) return lower.replace(address, ipaddr.IPv6.parse(address).toString())
  return lower.replace(/^([^:]+)\.:/, '$1:')
}

export const watch = z.strictObject({
  endpoints: key(
    z.array(endpointText()).default([]),
    'Places whose served certificate is looked at: host:port, or host:port/smtp where TLS begins after STARTTLS.',
    ['www.example.com:443', 'mail.example.com:25/smtp'],
  ),
  learn: key(
    z.boolean().default(false),
    'Look also at port 443 of the names of every certificate in the inventory.',
  ),
  every: key(duration('1m', '7d').prefault('1d'), 'How often.'),
  renewal_info: key(
    z.boolean().default(true),
    'Ask CAs for the renewal information (RFC 9773) of current certificates, at the pace they name.',
  ),
})
