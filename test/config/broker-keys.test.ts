import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { furtherComplaints } from '../../src/app/further-complaints.ts'
import type { ConfigError } from '../../src/config/config-error.ts'
import { parseConfig } from '../../src/config/load.ts'
import { secretFiles } from '../../src/config/secrets.ts'
import { shownForm } from '../../src/config/shown-form.ts'

const CAS = 'cas: { le: { preset: letsencrypt }, pebble: { preset: pebble, trust: ./x.pem } }'
const SIGNED =
  'engine: { accounts: [{ ca: le, agree_terms: true }, { ca: pebble, agree_terms: true }], solvers: [{ name: s, stateless: {} }] }'
const LOCAL = 'local_cas: { home: { names: [.home.arpa] } }'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'broker-keys-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const load = (text: string, more = '', readFiles = false) =>
  parseConfig(
    `version: 1\n${CAS}\n${LOCAL}\nbroker: [${text}]\n${SIGNED}\n${more}\n`,
    path.join(folder, 'acmetap.yaml'),
    { env: {}, readFiles, furtherCheck: furtherComplaints },
  )

function refusal(attempt: () => unknown): string[] {
  try {
    attempt()
  } catch (error) {
    return (error as ConfigError).problems.map(
      ({ path: at, message, instead }) => `${at}: ${message}${instead === null ? '' : ` | ${instead}`}`,
    )
  }
  return []
}
const complaints = (text: string, more = '') => refusal(() => load(text, more))
const endpoint = (settings: string) => complaints(`{ name: fleet, cas: [le, home], ${settings} }`)
const warnings = (settings: string, more = '') =>
  load(`{ name: fleet, cas: [le, pebble, home], ${settings} }`, more).warnings

describe('an endpoint', () => {
  test('with both kinds of CAs, routes, labels and profiles is accepted, and nothing is said of it', () => {
    const text =
      'url: https://acme.example.net, eab: optional, staging: [pebble], routes: [{ names: [.a.example], labels: [team-a], profiles: [short], cas: [home] }], labels: [{ name: team-a, names: [.a.example], from: [10.0.0.0/8] }], profiles: [{ name: short, at: { le: shortlived, pebble: null } }]'
    expect(endpoint(text)).toEqual([])
    expect(warnings(text, 'listeners: { acme: { names: [acme.example.net] } }')).toEqual([])
  })

  test.each([
    [
      '{ name: fleet, cas: [leo] }',
      'broker[0].cas[0]: names a CA that is not under cas or local_cas | Did you mean le?',
    ],
    ['{ name: fleet, cas: [le, le] }', 'broker[0].cas[1]: is in the list twice | Take one out'],
    [
      '{ name: fleet, cas: [le], staging: [none-such] }',
      'broker[0].staging[0]: names a CA that is not under cas or local_cas | Known: le, pebble, home',
    ],
    [
      '{ name: fleet, cas: [le], routes: [{ cas: [hume] }] }',
      'broker[0].routes[0].cas[0]: names a CA that is not under cas or local_cas | Did you mean home?',
    ],
    [
      '{ name: fleet, cas: [le], profiles: [{ name: s, at: { lee: x } }] }',
      'broker[0].profiles[0].at.lee: names a CA that is not under cas or local_cas | Did you mean le?',
    ],
    [
      '{ name: fleet, cas: [le] }, { name: fleet, cas: [le] }',
      'broker[1].name: is already the name of broker[0] | Give it another name',
    ],
    [
      '{ name: pebble, cas: [le] }',
      'broker[0].name: is the name of a CA, and the record could not tell them apart | Give it another name',
    ],
    [
      '{ name: home, cas: [le] }',
      'broker[0].name: is the name of a CA, and the record could not tell them apart | Give it another name',
    ],
    [
      '{ name: fleet, cas: [le] }, { name: fleet-staging, cas: [le] }',
      'broker[1].name: is what the twin of broker[0] is called | Give it another name',
    ],
  ])('%s is refused', (text, said) => {
    expect(complaints(text)).toEqual([said])
  })

  test('whose twin has the name of a CA is refused', () => {
    const text = `version: 1\ncas: { x-staging: { directory: "https://ca.example/d" } }\nbroker: [{ name: x, cas: [x-staging], staging: [x-staging] }]\n`
    expect(refusal(() => parseConfig(text, '/x/a.yaml', { env: {}, readFiles: false }))).toEqual([
      'broker[0].name: makes a twin x-staging, which is the name of a CA | Give it another name',
    ])
  })

  test.each([
    [
      'url: "http://acme.example"',
      'broker[0].url: must begin with https:// (RFC 8555 §6.1) | Write https://acme.example',
    ],
    [
      'url: "https://acme.example/x"',
      'broker[0].url: must end after its host or port: the path is made of the name | Write https://acme.example',
    ],
    [
      'url: "https://acme.example/?a"',
      'broker[0].url: must end after its host or port: the path is made of the name | Write https://acme.example',
    ],
    [
      'eab: optional',
      'broker[0].eab: makes that nobody may have a name without an EAB key: proof both, which is the default, asks for the scope of a key or label | Write eab: required, add labels, or write proof: challenge',
    ],
    [
      'eab: optional, proof: policy',
      'broker[0].eab: makes that nobody may have a name without an EAB key: proof policy asks for the scope of a key or label | Write eab: required, add labels, or write proof: challenge',
    ],
    [
      'labels: [{ name: a, names: [.a.example], from: [10.0.0.0/8] }, { name: a, names: [.b.example], from: [10.0.0.0/8] }]',
      'broker[0].labels[1].name: is already the name of labels[0]',
    ],
    [
      'profiles: [{ name: a }, { name: a }]',
      'broker[0].profiles[1].name: is already the name of profiles[0]',
    ],
    [
      'labels: [{ name: a, names: [A.example], from: [10.0.0.0/8] }]',
      'broker[0].labels[0].names[0]: must be a pattern of names in lower case | Write for example .a.example.net (it and all below it) or *.a.example.net',
    ],
    [
      'routes: [{ names: ["*"], cas: [le] }]',
      'broker[0].routes[0].names[0]: must be a pattern of names in lower case | Write for example .a.example.net (it and all below it) or *.a.example.net',
    ],
    [
      'routes: [{ names: [10.0.0.1], cas: [le] }]',
      'broker[0].routes[0].names[0]: is an address, and patterns are for names',
    ],
    [
      'routes: [{ profiles: [sort], cas: [le] }], profiles: [{ name: short }]',
      'broker[0].routes[0].profiles[0]: names a profile that this endpoint does not have | Did you mean short?',
    ],
    [
      'challenges: { caa: true }',
      'broker[0].challenges.caa: asks for CAA records that permit this server, and caa_identities says no name for it | Write caa_identities beside challenges',
    ],
  ])('with %s is refused', (settings, said) => {
    expect(endpoint(settings)).toEqual([said])
  })

  test('a pattern that only the policy knows to be wrong is refused at its place', () => {
    const names = `[xn--a--${'b'.repeat(3)}-.example]`
    expect(endpoint(`routes: [{ names: ${names}, cas: [le] }]`)).toHaveLength(1)
    const deep = `[a.*.${'b.'.repeat(12)}example]`
    const [said] = endpoint(`routes: [{ names: ${deep}, cas: [le] }]`)
    expect(said).toMatch(/^broker\[0\]\.routes\[0\]\.names\[0\]: .*10 are allowed/)
  })

  test.each([
    ['cas: [le]', 'host: localhost:8443', 'name'],
    ['cas: [le], url: "https://ca.example"', 'host: ca.example', 'url'],
    ['cas: [le], url: "https://ca.example:443/"', 'host: ca.example', 'url'],
    ['cas: [le], url: "https://ca.example:8443"', 'host: ca.example:8443', 'url'],
  ])('%s on the host of a relay is refused', (settings, host, key) => {
    const [said, ...more] = complaints(`{ name: fleet, ${settings} }`, `relay: [{ ${host}, ca: pebble }]`)
    expect(said).toMatch(new RegExp(`^broker\\[0\\]\\.${key}: .*relay\\[0\\].*never on a relay's Host`))
    expect(more).toEqual([])
  })

  test('beside a relay on another host or port is accepted', () => {
    for (const host of ['localhost:8444', 'ca.localhost:8443', 'localhost'])
      expect(complaints('{ name: fleet, cas: [le] }', `relay: [{ host: "${host}", ca: pebble }]`)).toEqual([])
  })

  test.each([
    ['url: https://acme.example.net', '', /acme\.example\.net is not among listeners\.acme\.names/],
    ['', 'listeners: { acme: { port: 0 } }', /its URLs change with every start/],
    ['proof: policy, challenges: { http_port: 5002 }', '', /challenges has no effect with proof: policy/],
    ['proof: policy, pre_authorization: true', '', /pre_authorization has no effect/],
    [
      'eab: optional, labels: [{ name: a, names: [.a.example], from: [0.0.0.0/0] }]',
      '',
      /label a counts from everywhere/,
    ],
    [
      'labels: [{ name: a, names: [.a.example], from: [10.0.0.0/8] }]',
      '',
      /a label alone lets nobody register/,
    ],
    [
      'proof: challenge, eab: optional',
      'listeners: { acme: { address: 0.0.0.0 } }',
      /whoever reaches 0\.0\.0\.0 port 8443/,
    ],
  ])('%s %s is warned of', (settings, more, said) => {
    expect(warnings(settings, more)).toEqual([expect.stringMatching(said)])
  })

  test('needs accounts at its CAs, and a solver; a local CA needs neither', () => {
    const without = (cas: string) =>
      parseConfig(
        `version: 1\n${CAS}\n${LOCAL}\nbroker: [{ name: fleet, cas: [${cas}], staging: [home] }]\nrelay: [{ host: "r.example", ca: le }, { host: "s.example", ca: pebble }]\nlisteners: { acme: { names: [localhost, r.example, s.example] } }\n`,
        '/x/a.yaml',
        { env: {}, readFiles: false },
      ).warnings.filter((line) => line.startsWith('engine'))
    expect(without('le')).toEqual([
      expect.stringMatching(/^engine\.accounts: the broker needs an account at Let's Encrypt.*ca: le/),
      expect.stringMatching(/^engine\.solvers: there are none.*prove nothing to le/),
    ])
    expect(without('home')).toEqual([])
  })

  test('uses the CAs it names: nothing says that they are idle', () => {
    expect(warnings('').filter((line) => /nothing to do|uses it/.test(line))).toEqual([])
    expect(load('{ name: fleet, cas: [le, pebble] }').warnings).toEqual([
      'local_cas.home: no endpoint under broker uses it',
    ])
  })
})

describe('a local CA', () => {
  const local = (settings: string) =>
    refusal(() =>
      parseConfig(
        `version: 1\n${CAS}\nlocal_cas: { ${settings} }\nbroker: [{ name: fleet, cas: [le] }]\n`,
        path.join(folder, 'a.yaml'),
        { env: {}, readFiles: true, furtherCheck: furtherComplaints },
      ),
    ).filter((line) => !line.startsWith('cas.pebble.trust'))

  test.each([
    [
      'le: { names: [.a.example] }',
      'local_cas.le: is the name of a CA under cas, too | Endpoints and routes name both alike: give one another name',
    ],
    [
      'own: { names: [192.0.2.1] }',
      'local_cas.own.names[0]: is an address, and patterns are for names | Write it as a network under networks',
    ],
    [
      'own: { names: [.a.example], key_passphrase: x, key_passphrase_file: ./x }',
      'local_cas.own.key_passphrase: and key_passphrase_file exclude each other | Keep one of them',
    ],
  ])('%s is refused', (settings, said) => {
    expect(local(settings)).toEqual([said])
  })

  test('its passphrase is shown nowhere, and its file is read with the configuration', () => {
    writeFileSync(path.join(folder, 'p'), '\n')
    expect(local('own: { names: [.a.example], key_passphrase_file: ./p }')).toEqual([
      expect.stringMatching(/^local_cas\.own\.key_passphrase_file: .*passphrase/),
    ])
    const { config } = parseConfig(
      `version: 1\n${CAS}\nlocal_cas: { own: { names: [.a.example], key_passphrase: hunter2 }, two: { names: [.b.example], key_passphrase_file: ./p } }\n`,
      path.join(folder, 'a.yaml'),
      { env: {}, readFiles: false },
    )
    expect(JSON.stringify(shownForm(config))).not.toContain('hunter2')
    expect(secretFiles(config).map(({ path: at }) => at.join('.'))).toContain(
      'local_cas.two.key_passphrase_file',
    )
  })
})
