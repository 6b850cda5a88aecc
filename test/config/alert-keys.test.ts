import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ConfigError } from '../../src/config/config-error.ts'
import { parseConfig } from '../../src/config/load.ts'
import { readSecret } from '../../src/config/secrets.ts'
import { shownForm } from '../../src/config/shown-form.ts'

const BASE =
  'version: 1\ncas: { pebble: { directory: "https://localhost:14000/dir" } }\nrelay: [{ host: "localhost:8443", ca: pebble }]\n'
const WEBHOOK = '{ name: ops, webhook: { url: "https://hooks.example/x" } }'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'alert-keys-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const load = (text: string, readFiles = false) =>
  parseConfig(`${BASE}${text}\n`, path.join(folder, 'acmetap.yaml'), { env: {}, readFiles })

function complaints(text: string, readFiles = false): string[] {
  try {
    load(text, readFiles)
  } catch (error) {
    return (error as ConfigError).problems.map(
      ({ path: at, message, instead }) => `${at}: ${message}${instead === null ? '' : ` | ${instead}`}`,
    )
  }
  return []
}
const channel = (settings: string) => complaints(`alerts: { channels: [{ name: ops, ${settings} }] }`)

describe('channels', () => {
  test.each([
    ['webhook: { url: "https://a.example/x", secret: s }'],
    ['webhook: { url: "http://127.0.0.1:9/x" }'],
    ['email: { smtp: "smtp://mail.example:587", from: a@b.example, to: [c@d.example] }'],
    [
      'email: { smtp: "smtp://localhost:25", tls: off, username: u, password: p, from: a@b.example, to: [c@d.example] }',
    ],
    ['slack: { url: "https://hooks.slack.example/services/T/B/x" }'],
    ['telegram: { token: "1:x", chat: "-100" }'],
    ['ntfy: { topic: fleet }'],
    ['pagerduty: { routing_key: k }'],
    ['opsgenie: { api_key: k }'],
    ['alertmanager: { url: "http://127.0.0.1:9093" }'],
  ])('%s is accepted', (settings) => {
    expect(channel(settings)).toEqual([])
  })

  test('a channel is exactly one kind', () => {
    expect(channel('report: true')).toEqual([
      expect.stringMatching(/^alerts\.channels\[0\]: leads nowhere \| Write one of webhook, email, slack/),
    ])
    expect(channel('ntfy: { topic: t }, alertmanager: { url: "http://localhost:1" }')).toEqual([
      expect.stringMatching(/^alerts\.channels\[0\]: leads to ntfy and alertmanager at once/),
    ])
  })

  test('names are unique', () => {
    expect(complaints(`alerts: { channels: [${WEBHOOK}, ${WEBHOOK}] }`)).toEqual([
      'alerts.channels[1].name: is already the name of channels[0]',
    ])
  })

  test.each([
    ['slack: {}', 'alerts.channels[0].slack: has no url | Write url or url_file'],
    [
      'pagerduty: {}',
      'alerts.channels[0].pagerduty: has no routing_key | Write routing_key or routing_key_file',
    ],
    ['opsgenie: {}', 'alerts.channels[0].opsgenie: has no api_key | Write api_key or api_key_file'],
    ['telegram: { chat: "1" }', 'alerts.channels[0].telegram: has no token | Write token or token_file'],
    [
      'ntfy: { topic: t, token: a, token_file: b }',
      'alerts.channels[0].ntfy.token: and token_file exclude each other | Keep one of them',
    ],
    ['teams: { url: "nonsense" }', 'alerts.channels[0].teams.url: must be a URL with https:// or http://'],
    [
      'email: { smtp: "smtp://m.example:25", username: u, from: a@b.example, to: [c@d.example] }',
      'alerts.channels[0].email.username: has no password | Write password or password_file beside it',
    ],
    [
      'email: { smtp: "smtp://m.example:25", password: u, from: a@b.example, to: [c@d.example] }',
      'alerts.channels[0].email: has a password and no user name | Write username beside it',
    ],
    [
      'email: { smtp: "smtp://m.example:25", tls: off, username: u, password: p, from: a@b.example, to: [c@d.example] }',
      'alerts.channels[0].email.tls: would send the password over the network readable | Take it out, or use a mail server on this machine',
    ],
  ])('%s is refused', (settings, complaint) => {
    expect(channel(settings)).toEqual([complaint])
  })

  test('addresses cannot carry header fields, URLs no password', () => {
    expect(
      channel('email: { smtp: "smtp://m:1", from: "a@b.example\\r\\nBcc: x@y.example", to: [c@d.example] }'),
    ).toEqual([expect.stringContaining('from: must be a mail address')])
    expect(channel('webhook: { url: "https://user:pass@a.example/" }')).toEqual([
      expect.stringContaining('must not carry a user name or password'),
    ])
  })
})

describe('routes', () => {
  const route = (settings: string) =>
    complaints(
      `alerts: { channels: [${WEBHOOK}], teams: { web: { names: [.shop.example] } }, routes: [{ ${settings} }] }`,
    )

  test('name what exists', () => {
    expect(route('rules: [validation-failed], cas: [pebble], teams: [web], channels: [ops]')).toEqual([])
    expect(
      route(
        'rules: [validation-faild], cas: [pebbel], teams: [wep], channels: [opps], escalate: { channel: pager }',
      ),
    ).toEqual([
      'alerts.routes[0].rules[0]: names a rule that does not exist | Did you mean validation-failed?',
      'alerts.routes[0].cas[0]: names a CA that is not under cas | Did you mean pebble?',
      'alerts.routes[0].teams[0]: names a team that is not under alerts.teams | Did you mean web?',
      'alerts.routes[0].channels[0]: names a channel that is not under alerts.channels | Did you mean ops?',
      'alerts.routes[0].escalate.channel: names a channel that is not under alerts.channels | Known: ops',
    ])
  })

  test('escalation goes elsewhere', () => {
    expect(route('channels: [ops], escalate: { channel: ops }')).toEqual([
      'alerts.routes[0].escalate.channel: is told already by channels | Name another one',
    ])
  })

  test.each(['.shop.example', '"*.shop.example"', 'www.example', '192.0.2.1', '"2001:db8::1"'])(
    'the name %s is a pattern',
    (name) => expect(route(`names: [${name}], channels: []`)).toEqual([]),
  )
  test.each(['Shop.Example', '"*"', '"a b"', '"..a"', '"/x/"'])('the name %s is none', (name) =>
    expect(route(`names: [${name}], channels: []`)).toEqual([
      expect.stringContaining('alerts.routes[0].names[0]: must be a name in lower case'),
    ]),
  )
})

test('places to watch are host:port', () => {
  expect(complaints('watch: { endpoints: ["www.example:443", "[::1]:25/smtp"] }')).toEqual([])
  expect(complaints('watch: { endpoints: ["www.example"] }')).toEqual([
    expect.stringContaining('watch.endpoints[0]: must be host:port'),
  ])
})

test('secrets are shown nowhere', () => {
  const { config } = load(`alerts:
  channels:
    - { name: a, webhook: { url: "https://a.example/", secret: canary-1 } }
    - { name: b, slack: { url: "https://hooks.example/canary-2" } }
    - { name: c, telegram: { token: canary-3, chat: "1" } }
    - { name: d, ntfy: { token: canary-4, topic: t } }
    - { name: e, pagerduty: { routing_key: canary-5 } }
    - { name: f, opsgenie: { api_key: canary-6 } }
    - { name: g, email: { smtp: "smtp://m:1", username: u, password: canary-7, from: a@b.example, to: [c@d.example] } }
    - { name: h, teams: { url: "https://t.example/canary-8" } }`)
  const shown = JSON.stringify(shownForm(config))
  expect(shown).not.toContain('canary')
  expect(shown.match(/\[secret\]/g)).toHaveLength(8)
})

test('files of secrets and templates are read when the configuration is', () => {
  writeFileSync(path.join(folder, 'key'), 'the key\nsecond line\n')
  writeFileSync(path.join(folder, 'empty'), '\n')
  writeFileSync(path.join(folder, 'good.liquid'), '{{ title }}\n')
  writeFileSync(path.join(folder, 'bad.liquid'), 'one\n{% if x %}\n{{ x | nothing }}\n')
  expect(readSecret({ value: undefined, file: path.join(folder, 'key') }, 'key')).toBe('the key')
  const text = (key: string, template: string) =>
    `alerts: { channels: [{ name: p, pagerduty: { routing_key_file: ${key} } }], templates: { text: ${template} } }`
  expect(complaints(text('key', 'good.liquid'), true)).toEqual([])
  expect(complaints(text('empty', 'bad.liquid'), true).sort()).toEqual([
    expect.stringMatching(
      /^alerts\.channels\[0\]\.pagerduty\.routing_key_file: has no key in its first line/,
    ),
    expect.stringMatching(
      /^alerts\.templates\.text: names a template that cannot be read: line 3, column 1: undefined filter: nothing/,
    ),
  ])
})

test('templates cannot read files', () => {
  writeFileSync(path.join(folder, 'x.liquid'), '{% include "/etc/passwd" %}')
  expect(complaints('alerts: { templates: { html: x.liquid } }', true)).toEqual([
    expect.stringContaining('line 1, column 1: tag "include" not found'),
  ])
})

test('what is allowed but will hurt', () => {
  const { warnings } = load(`alerts:
  channels:
    - { name: a, webhook: { url: "http://hooks.example/" } }
    - { name: b, email: { smtp: "smtp://m.example:25", tls: off, from: a@b.example, to: [c@d.example] } }
    - { name: c, alertmanager: { url: "http://127.0.0.1:9093" } }
  routes: [{ channels: [a, b] }]`)
  expect(warnings).toEqual([
    'alerts.channels: a sends over http://, readable on the way; use https://',
    'alerts.channels: b sends mail without TLS, readable on the way; take tls: off out',
    'alerts.channels: no route leads to c',
  ])
})
