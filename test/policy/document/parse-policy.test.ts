// biome-ignore-all lint/suspicious/noTemplateCurlyInString: a policy refuses what names a variable
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ConfigError } from '../../../src/config/config-error.ts'
import { parsePolicy } from '../../../src/policy/document/parse-policy.ts'
import { bundleOf, parsed, refusals } from './bundles.ts'

const rule = (when: string, more = 'effect: deny') =>
  `version: 1\nrules:\n  - name: a\n    when: ${when}\n    ${more}\n`

test('the least policy has every default', async () => {
  expect(await parsed('version: 1\n')).toEqual({
    version: 1,
    mode: 'observe',
    default: 'allow',
    message: null,
    link: null,
    lists: {},
    webhooks: {},
    rules: [],
  })
})

test('what is written conveniently comes out in one form', async () => {
  const document = await parsed(`version: 1
mode: enforce
lists: { teams: [a, b] }
webhooks: { cmdb: { url: 'https://cmdb.example.com/', secret_file: ./secret, cache: 0s } }
rules:
  - name: everything
    effect: deny
    expires: 2027-01-31
    when:
      names: '**.internal.example'
      operation: [accounts, newOrder, newAccount]
      client: { label: '@teams', address: 10.0.0.0/8, version: '<2.10' }
      key: { type: rsa, size: <3072, curve: p-256 }
      count: 5
      validity: '1d..90d'
      time: { days: [fri-mon, wed], hours: '22:00-06:00', from: 2026-01-01T00:00:00+01:00 }
      orders: { within: 7d, count: '>= 10' }
      all: [{ webhook: cmdb }]
`)
  expect(document.webhooks.cmdb).toEqual({
    url: 'https://cmdb.example.com/',
    secretFile: '/etc/acmetap/secret',
    timeout: 2000,
    cache: 0,
    trust: null,
  })
  expect(document.rules[0]).toEqual({
    name: 'everything',
    effect: 'deny',
    mode: null,
    message: null,
    link: null,
    owner: null,
    expires: Date.UTC(2027, 0, 31),
    unknown: null,
    problem: null,
    line: 6,
    column: 5,
    when: {
      names: ['**.internal.example'],
      operation: ['newAccount', 'account', 'keyChange', 'newOrder'],
      client: {
        label: ['a', 'b'],
        address: ['10.0.0.0/8'],
        version: { is: '<', value: [2, 10], to: null, text: '<2.10' },
      },
      key: {
        type: ['RSA'],
        size: { is: '<', value: [3072], to: null, text: '<3072' },
        curve: ['P-256'],
      },
      count: { is: '=', value: [5], to: null, text: '5' },
      validity: { is: '..', value: [86_400_000], to: [90 * 86_400_000], text: '1d..90d' },
      time: {
        from: Date.UTC(2025, 11, 31, 23),
        days: [1, 3, 5, 6, 7],
        hours: { from: 1320, until: 360 },
        zone: 'UTC',
      },
      orders: {
        per: 'client',
        within: 604_800_000,
        count: { is: '>=', value: [10], to: null, text: '>= 10' },
      },
      all: [{ webhook: 'cmdb' }],
    },
  })
})

test('always is the one way to match everything', async () => {
  expect((await parsed(rule('always'))).rules[0]!.when).toEqual({})
  expect(await refusals(rule('{}'))).toEqual([
    'policy.yaml:4:11: rules[0].when: holds no condition. Write when: always for every request',
  ])
  expect(await refusals('version: 1\nrules:\n  - { name: a, effect: deny }\n')).toEqual([
    'policy.yaml:3:5: rules[0].when: is missing. What it is about: conditions that must all hold, or the word always.',
  ])
  expect(await refusals(rule('{ not: always }'))).toHaveLength(1)
})

const REFUSED: readonly (readonly [when: string, at: string, says: string])[] = [
  ['{ nams: a.example }', '4:13', 'nams: unknown key. Did you mean names?'],
  ['{ names: a..example }', '4:20', '"a..example" has an empty label'],
  ['{ names: [a.example, 10.0.0.1] }', '4:32', 'names[1]: "10.0.0.1" is an address: it belongs under ip'],
  ['{ names: münchen.example }', '4:20', 'xn--mnchen-3ya.example'],
  ['{ names: "@none" }', '4:20', 'names: names a list that is not under lists'],
  ['{ names: [] }', '4:20', 'must hold at least one entry'],
  ['{ names: }', '4:13', 'names: has no value'],
  ['{ ip: 10.0.0.1/8 }', '4:17', 'has bits beyond its prefix: write 10.0.0.0/8'],
  ['{ client: {} }', '4:21', 'client: holds no condition'],
  ['{ client: { address: x } }', '4:32', 'client.address'],
  ['{ client: { user_agent: "a(" } }', '4:35', 'is no regular expression'],
  ['{ client: { version: 2.1 } }', '4:32', 'must be text'],
  ['{ client: { contact: ops@example.com } }', '4:32', 'must be a contact URL'],
  ['{ operation: newOrdr }', '4:24', 'operation: must be one of newAccount'],
  ['{ operation: directory }', '4:24', 'operation: must be one of newAccount'],
  ['{ count: ">10a" }', '4:20', 'count: is not a comparison such as >10, >=10, <10, <=10, =10 or 2..5'],
  ['{ count: 5..2 }', '4:20', 'ends before it begins'],
  ['{ count: >10 }', '4:20', "Put a comparison in quotes: '>10'"],
  ['{ validity: ">90" }', '4:23', 'validity: is not a comparison such as >90d'],
  ['{ key: { type: DSA } }', '4:26', 'must be one of RSA, ECDSA, Ed25519, Ed448 or a dotted number'],
  ['{ csr: { signature: sha3 } }', '4:31', 'must be one of md5WithRSA'],
  ['{ time: {} }', '4:19', 'time: says no time. Write from, until, days or hours'],
  ['{ time: { zone: UTC } }', '4:19', 'time: says no time'],
  ['{ time: { days: mo } }', '4:27', 'must be days: mon tue wed thu fri sat sun, or mon-fri'],
  ['{ time: { hours: "8-18" } }', '4:28', "must be hours, as '08:00-18:00'"],
  ['{ time: { hours: "08:00-08:00" } }', '4:28', 'ends when it begins'],
  ['{ time: { from: 2026-02-30 } }', '4:27', 'must be a day as 2027-01-31'],
  ['{ time: { from: 2026-01-01T10:00:00 } }', '4:27', 'must be a day as 2027-01-31'],
  ['{ time: { from: 2026-02-01, until: 2026-02-01 } }', '4:46', 'until: ends before it begins'],
  ['{ time: { days: mon, zone: Europe/Berln } }', '4:38', 'must be a time zone of the IANA database'],
  ['{ orders: { per: team, within: 7d, count: ">1" } }', '4:28', 'must be one of client, account'],
  ['{ orders: { within: 7w, count: ">1" } }', '4:31', 'is not a duration'],
  ['{ orders: { within: 1000d, count: ">1" } }', '4:31', 'must be between 1m and 400d'],
  ['{ cel: "size(nams) > 1" }', '4:18', 'cel: Unknown variable: nams'],
  ['{ cel: "size(names)" }', '4:18', 'cel:'],
  [
    '{ webhook: cmbd }',
    '4:22',
    'names a webhook that is not under webhooks. There are none yet: add it under webhooks',
  ],
  ['{ wildcard: yes }', '4:23', 'wildcard: must be'],
  ['{ all: [] }', '4:18', 'must hold at least one condition'],
  ['{ any: [{}] }', '4:19', 'any[0]: holds no condition. Take it out'],
  ['{ not: { names: [3] } }', '4:28', 'not.names[0]: must be text'],
  ['{ registered_domain: "*.example.com" }', '4:32', 'must be a name without *'],
  ['{ cel: "${HOME} == 1" }', '4:18', 'takes nothing from the environment'],
  ['nonsense', '4:11', 'must be a mapping of keys to values'],
]

test.for(REFUSED)('refused with its place: when: %s', async ([when, at, says]) => {
  const told = await refusals(rule(when))
  expect(told[0]).toContain(`policy.yaml:${at}: `)
  expect(told[0]).toContain(says)
})

const MORE: readonly (readonly [more: string, says: string])[] = [
  ['effect: permit', 'effect: must be one of allow, deny, warn'],
  ['effect: allow\n    problem: unauthorized', 'problem: means nothing where effect is allow'],
  ['effect: deny\n    problem: badNonce', 'problem: must be one of badCSR'],
  [
    'effect: deny\n    message: "ask {ownr}"',
    'has the unknown placeholder {ownr}: probably {owner} is meant',
  ],
  ['effect: deny\n    message: "ask {owner}"', 'names {owner}. Write owner beside it, or take it out'],
  ['effect: deny\n    message: "ends {expires}"', 'names {expires}'],
  ['effect: deny\n    message: "a }"', 'has a single }: write }} for the character itself'],
  ['effect: deny\n    message: "a\\nb"', 'must be one line of characters that can be seen'],
  ['effect: deny\n    message: "a\\u202eb"', 'must be one line of characters that can be seen'],
  [`effect: deny\n    message: ${'a'.repeat(501)}`, 'is longer than 500 characters'],
  ['effect: deny\n    link: ftp://example.com', 'link: must begin with https:// or http://'],
  ['effect: deny\n    link: https://example.com/>x', 'link: holds a character that a URL does not'],
  ['effect: deny\n    expires: tomorrow', 'expires: must be a day as 2027-01-31'],
  ['effect: deny\n    unknown: deny', 'unknown: must be one of match, skip'],
  [
    'effect: deny\n  - name: a\n    when: always\n    effect: allow',
    'rules[1].name: is already the name of rules[0]',
  ],
  [
    'effect: deny\n  - name: default\n    when: always\n    effect: allow',
    'is the name of what no rule decides',
  ],
  [
    'effect: deny\n  - name: policy:csr\n    when: always\n    effect: allow',
    'must be 1 to 64 lower-case letters',
  ],
]

test.for(MORE)('refused: %s', async ([more, says]) => {
  const told = await refusals(rule('always', more))
  expect(told.join('\n')).toContain(says)
})

test('every mistake is told at once, by line', async () => {
  const told = await refusals(
    `version: 2\nmode: strict\nlists: { a: x.txt, b: { fil: x } }\nwebhooks: { w: { url: http://x.example } }\nrules: [{ name: A }]\n`,
  )
  expect(told.map((line) => line.split(':')[1])).toEqual(['1', '2', '3', '3', '3', '4', '5', '5', '5'])
})

test('a mistake in a list file names that file and line, and what the list is used for decides', async () => {
  const text =
    'version: 1\nlists: { hosts: { file: hosts.txt } }\nrules:\n  - { name: a, when: { KEY: "@hosts" }, effect: deny }\n'
  const files = { 'hosts.txt': '# ours\na.example\n\n10.0.0.0/8 # net\nb.example\n' }
  expect(await refusals(text.replace('KEY', 'names'), files)).toEqual([
    'hosts.txt:4:1: lists.hosts: "10.0.0.0/8" is an address: it belongs under ip, not under names',
  ])
  const told = await refusals(text.replace('KEY', 'ip'), files)
  expect(told.map((line) => line.slice(0, 13))).toEqual(['hosts.txt:2:1', 'hosts.txt:5:1'])
  expect(
    (await parsed(text.replace('{ KEY', '{ client: { label').replace('" }', '" } }'), files)).rules[0]!.when,
  ).toEqual({
    client: { label: ['a.example', '10.0.0.0/8', 'b.example'] },
  })
})

test('of a list file of another kind twenty mistakes are told, and how many there are', async () => {
  const text =
    'version: 1\nlists: { l: { file: l } }\nrules: [{ name: a, when: { names: "@l" }, effect: deny }]\n'
  const told = await refusals(text, { l: 'not a name\n'.repeat(5000) })
  expect(told).toHaveLength(21)
  expect(told.join('\n')).toContain(
    'policy.yaml:2:10: lists.l: has 4980 more entries that are wrong. It is used as names',
  )
})

test('members of every object are names as any other', async () => {
  for (const name of ['constructor', 'tostring', 'hasownproperty', 'valueof']) {
    const document = await parsed(
      `version: 1\nlists: { ${name}: [a.example] }\nwebhooks: { ${name}: { url: https://x.example } }\nrules:\n  - { name: ${name}, when: { names: '@${name}', webhook: ${name} }, effect: deny }\n`,
    )
    expect(document.lists[name]).toEqual(['a.example'])
    expect(document.webhooks[name]!.timeout).toBe(2000)
    expect(document.rules[0]!.name).toBe(name)
  }
  const { lists, webhooks } = await parsed('version: 1\n')
  expect(lists.constructor).toBeUndefined()
  expect(webhooks.constructor).toBeUndefined()
  expect(await refusals(rule('{ webhook: constructor }'))).toHaveLength(1)
  expect(await refusals(rule('{ names: "@constructor" }'))).toHaveLength(1)
  expect(await refusals(rule('{ names: "@__proto__" }'))).toHaveLength(1)
  expect(await refusals('version: 1\nlists: { __proto__: [a.example] }\n')).toEqual([
    'policy.yaml:2:10: this key is refused',
  ])
})

test('YAML that could surprise is refused with its place', async () => {
  const bomb = `version: 1\nlists:\n  a: &a [x.example]\n${Array.from({ length: 120 }, (_, i) => `  b${i}: *a\n`).join('')}`
  for (const [text, says] of [
    [bomb, 'more than 100 aliases'],
    ['version: 1\nrules: !!js/function "x"\n', 'a YAML tag (!…) is refused'],
    [rule(`${'{ not: '.repeat(200)}{ wildcard: true }${' }'.repeat(200)}`), 'is nested too deep'],
    [`${'['.repeat(50_000)}`, 'policy.yaml:'],
    ['version: 1\n---\nversion: 1\n', 'is not YAML'],
    ['version: 1\nmode: enforce\nmode: observe\n', 'the same key is written twice'],
    ['version: 1\nmode: "a\u0000"\n', 'mode'],
    ['', 'is empty. Begin with version: 1'],
    ['- a\n', 'must be a mapping of keys to values'],
    ['mode: observe\nversion: 1\n', 'version: must be the first key'],
    ['version: 1\nlists: { a: ["${X}"] }\n', 'takes nothing from the environment'],
  ] as const) {
    const told = await refusals(text)
    expect(told.join('\n')).toContain(says)
  }
})

test('a list file that was not read is told, not taken for an empty one', async () => {
  expect(await refusals('version: 1\nlists: { a: { file: a.txt } }\n')).toEqual([
    'policy.yaml:2:21: lists.a.file: is not part of what was read',
  ])
})

test('secrets and roots of webhooks are read only where that is wanted', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'policy-'))
  try {
    writeFileSync(join(folder, 'empty'), '\n')
    const text =
      'version: 1\nwebhooks:\n  a: { url: https://x.example, secret_file: none, trust: empty }\n  b: { url: http://127.0.0.1:1, secret_file: empty }\n'
    const bundle = { ...bundleOf(text), file: join(folder, 'policy.yaml') }
    await parsePolicy(bundle)
    const error: unknown = await parsePolicy(bundle, { readFiles: true }).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(ConfigError)
    expect(
      (error as ConfigError).problems.map(({ line, path, message }) => `${line} ${path}: ${message}`),
    ).toEqual([
      '3 webhooks.a.secret_file: names a file that does not exist',
      '3 webhooks.a.trust: holds no certificate in PEM form',
      '4 webhooks.b.secret_file: has no secret in its first line',
    ])
  } finally {
    rmSync(folder, { recursive: true })
  }
})
