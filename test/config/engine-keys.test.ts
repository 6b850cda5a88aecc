import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ConfigError } from '../../src/config/config-error.ts'
import { SOLVER_KINDS } from '../../src/config/engine-solvers.ts'
import { parseConfig } from '../../src/config/load.ts'
import { shownForm } from '../../src/config/shown-form.ts'

const BASE =
  'version: 1\ncas: { pebble: { directory: "https://localhost:14000/dir" } }\nrelay: [{ host: "localhost:8443", ca: pebble }]\n'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'engine-keys-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const load = (text: string, readFiles = false) =>
  parseConfig(`${BASE}engine: { ${text} }\n`, path.join(folder, 'acmetap.yaml'), { env: {}, readFiles })

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
const solver = (settings: string) => complaints(`solvers: [{ name: s, ${settings} }]`)
const HTTP = '{ name: web, http: { port: 8080 } }'
const ZONE = '{ name: zone, rfc2136: { server: ns.example } }'
const certificate = (settings: string, solvers = `${HTTP}, ${ZONE}`) =>
  complaints(`solvers: [${solvers}], certificates: [{ name: a, ca: pebble, ${settings} }]`)

describe('solvers', () => {
  test.each([
    ['http: {}'],
    ['webroot: { folder: ./html }'],
    ['stateless: {}'],
    ['tls_alpn: { port: 0 }'],
    ['rfc2136: { server: "[::1]:5353", key_name: k.example, secret: c2VjcmV0 }'],
    ['exec: { command: ./dns, environment: { A: b } }'],
    ['httpreq: { endpoint: "https://dns.example" }'],
    ['acme_sh: { script: dns_cf }'],
    ['cloudflare: { token_file: ./t }'],
    ['route53: { access_key_id: A, secret_access_key: s }'],
    ['google: { credentials: ./g.json }'],
    ['azure: { tenant: t, client_id: c, client_secret: s, subscription: u, resource_group: r }'],
    ['digitalocean: { token: t }'],
    ['hetzner: { token: t }'],
    ['ovh: { application_key: a, application_secret: s, consumer_key: c }'],
    ['desec: { token: t }'],
    ['persist: {}'],
  ])('%s is accepted', (settings) => {
    expect(solver(settings)).toEqual([])
  })

  test.each([
    ['ttl: 60', `engine.solvers[0]: answers nothing | Write one of ${SOLVER_KINDS.join(', ')}`],
    [
      'http: {}, persist: {}',
      `engine.solvers[0]: is http and persist at once | Write one of ${SOLVER_KINDS.join(', ')}`,
    ],
    ['responder: {}', 'engine.solvers[0].responder: has no DNS responder to write to | Write engine.dns'],
    ['cloudflare: {}', 'engine.solvers[0].cloudflare: has no token | Write token or token_file'],
    [
      'desec: { token: t, token_file: ./t }',
      'engine.solvers[0].desec.token: and token_file exclude each other | Keep one of them',
    ],
    [
      'rfc2136: { server: ns.example, key_name: k.example }',
      'engine.solvers[0].rfc2136.key_name: has no secret | Write secret or secret_file beside it',
    ],
    [
      'rfc2136: { server: ns.example, secret: x }',
      'engine.solvers[0].rfc2136: has a secret and no key_name | Write key_name beside it',
    ],
    [
      'httpreq: { endpoint: "https://dns.example", password: x }',
      'engine.solvers[0].httpreq: has a password and no username | Write username beside it',
    ],
    [
      'route53: { access_key_id: A }',
      'engine.solvers[0].route53: has no secret_access_key | Write secret_access_key or secret_access_key_file',
    ],
    [
      'http: {}, type: dns-account-01',
      'engine.solvers[0].type: is nothing that http can answer | Take it out',
    ],
  ])('%s is refused', (settings, complaint) => {
    expect(solver(settings)).toEqual([complaint])
  })

  test('names are unique, and so are places to listen', () => {
    expect(complaints(`solvers: [${HTTP}, ${HTTP}]`)).toEqual([
      'engine.solvers[1].name: is already the name of solvers[0]',
      'engine.solvers[1].http: listens where solvers[0] does | Give it another port',
    ])
  })
})

describe('what one key says of another', () => {
  test.each([
    [
      'accounts: [{ ca: pebbel }]',
      'engine.accounts[0].ca: names a CA that is not under cas | Did you mean pebble?',
    ],
    [
      'accounts: [{ ca: pebble }, { ca: pebble }]',
      'engine.accounts[1].ca: has an account already, accounts[0] | Keep one for each CA',
    ],
    [
      'accounts: [{ ca: pebble, external: { key_id: k } }]',
      'engine.accounts[0].external: has no hmac_key | Write hmac_key or hmac_key_file',
    ],
    [
      'challenges: [{ names: [.a.example], solver: zone }]',
      'engine.challenges[0].solver: names a solver that is not under engine.solvers | There are no solvers yet: add one under engine.solvers',
    ],
    [
      'staging: { pebble: pebble }',
      'engine.staging.pebble: is the same CA | Name another, or take the line out',
    ],
    ['staging: { le: pebble }', 'engine.staging.le: names a CA that is not under cas | Known: pebble'],
    [
      'secret: short',
      'engine.secret: must be 32 bytes, as 64 hex digits or as base64 | Make one with: openssl rand -base64 32',
    ],
  ])('%s is refused', (text, complaint) => {
    expect(complaints(text)).toEqual([complaint])
  })

  test.each([`secret: ${'ab'.repeat(32)}`, `secret: ${Buffer.alloc(32, 7).toString('base64')}`])(
    'a key to keep keys under: %s',
    (text) => {
      expect(complaints(text)).toEqual([])
      expect(JSON.stringify(shownForm(load(text).config))).not.toMatch(/abab|BwcH/)
    },
  )

  test.each(['a.example', '.a.example', '"*.a.example"', '"**.a.example"', '"**"', '"**{2}.a.example"'])(
    'the pattern %s is one',
    (name) => {
      expect(complaints(`solvers: [${HTTP}], challenges: [{ names: [${name}], solver: web }]`)).toEqual([])
    },
  )
  test.each(['A.example', '"*"', '"a b"', '.', '"a..b"', '192.0.2.1', '"**."'])(
    'the pattern %s is none',
    (name) => {
      expect(complaints(`solvers: [${HTTP}], challenges: [{ names: [${name}], solver: web }]`)).toEqual([
        expect.stringMatching(/^engine\.challenges\[0\]\.names\[0\]: /),
      ])
    },
  )
})

describe('managed certificates', () => {
  test.each([
    ['names: [a.example, "*.a.example", 192.0.2.1]'],
    ['names: ["*.a.example"], solver: zone'],
    ['names: [192.0.2.1, "::1"], solver: web'],
    ['names: [a.example], pkcs12: { file: ./a.p12, password_file: ./p }'],
    ['names: [a.example], hooks: [{ exec: [x] }, { webhook: "https://h.example/", secret: s }]'],
  ])('%s is accepted', (settings) => {
    expect(certificate(settings)).toEqual([])
  })

  test.each([
    [
      'names: ["*.a.example"], solver: web',
      "engine.certificates[0].names[0]: is a wildcard, which is proved in the DNS only, and solver web can't | Name a solver that writes DNS records, or leave the choice to engine.challenges",
    ],
    [
      'names: [192.0.2.1], solver: zone',
      "engine.certificates[0].names[0]: is an address, which is never proved in the DNS, and solver zone can't | Name a solver for http-01 or tls-alpn-01, or leave the choice to engine.challenges",
    ],
    ['names: [a.example, a.example]', 'engine.certificates[0].names[1]: is already names[0] | Take one out'],
    [
      'names: [a.example], pkcs12: { file: ./p }',
      'engine.certificates[0].pkcs12: has no password | Write password or password_file',
    ],
    [
      'names: [a.example], hooks: [{}]',
      'engine.certificates[0].hooks[0]: does nothing | Write exec or webhook',
    ],
    [
      'names: [a.example], hooks: [{ webhook: "https://user:pass@h.example/" }]',
      'engine.certificates[0].hooks[0].webhook: must not carry a user name or password | Write for example webhook: https://hooks.example.net/deploy',
    ],
    [
      'names: [a.example], hooks: [{ exec: [x], webhook: "https://h.example/" }]',
      'engine.certificates[0].hooks[0].webhook: and exec exclude each other | Keep one of them; a second hook can do the other',
    ],
    [
      'names: [a.example], hooks: [{ exec: [x], secret: s }]',
      'engine.certificates[0].hooks[0].secret: is for webhooks only | Take it out',
    ],
    [
      'names: [a.example], hooks: [{ webhook: "https://h.example/", environment: { A: b } }]',
      'engine.certificates[0].hooks[0].environment: is for programs only | Take it out',
    ],
  ])('%s is refused', (settings, complaint) => {
    expect(certificate(settings)).toEqual([complaint])
  })

  test('names are unique, and so are files', () => {
    const one = '{ name: a, names: [a.example], ca: pebble, pkcs12: { file: ./p, password: x } }'
    expect(complaints(`solvers: [${HTTP}], certificates: [${one}, ${one}]`)).toEqual([
      'engine.certificates[1].name: is already the name of certificates[0]',
      'engine.certificates[1].pkcs12.file: is already the file of certificates[0]',
    ])
  })
})

test('a mistake is told with its line and column', () => {
  const text = `${BASE}engine:\n  solvers:\n    - name: s\n      http: {}\n      desec: { token: t }\n`
  expect(() => parseConfig(text, '/x/a.yaml', { env: {}, readFiles: false })).toThrow(
    /^\/x\/a\.yaml:6:7: engine\.solvers\[0\]: is http and desec at once/,
  )
})

test('files of secrets and roots are read, and nothing of them is told', () => {
  writeFileSync(path.join(folder, 'empty'), '\n')
  writeFileSync(path.join(folder, 'full'), 's3cret\n')
  writeFileSync(path.join(folder, 'google.json'), '{"client_email":"a","private_key_id":"s3cret"}')
  const told = complaints(
    `secret_file: ./missing, accounts: [{ ca: pebble, external: { key_id: k, hmac_key_file: ./empty } }],
     solvers: [{ name: a, desec: { token_file: ./empty, trust: ./full } }, { name: g, google: { credentials: ./google.json } },
       { name: f, google: { credentials: ./full } }],
     certificates: [{ name: a, names: [a.example], ca: pebble, pkcs12: { file: ./p, password_file: ./full },
       hooks: [{ webhook: "https://h.example/", secret_file: ./missing, trust: ./missing }] }]`,
    true,
  )
  expect(told.sort()).toEqual([
    expect.stringMatching(
      /^engine\.accounts\[0\]\.external\.hmac_key_file: has no MAC key in its first line/,
    ),
    expect.stringMatching(
      /^engine\.certificates\[0\]\.hooks\[0\]\.secret_file: names a file that does not exist/,
    ),
    expect.stringMatching(/^engine\.certificates\[0\]\.hooks\[0\]\.trust: names a file that does not exist/),
    expect.stringMatching(/^engine\.secret_file: names a file that does not exist/),
    expect.stringMatching(/^engine\.solvers\[0\]\.desec\.token_file: has no token in its first line/),
    expect.stringMatching(/^engine\.solvers\[0\]\.desec\.trust: holds no certificate in PEM form/),
    expect.stringMatching(/^engine\.solvers\[1\]\.google\.credentials: is not the key of a service account/),
    expect.stringMatching(/^engine\.solvers\[2\]\.google\.credentials: is not JSON/),
  ])
  expect(told.join()).not.toContain('s3cret')
})

describe('what will probably hurt', () => {
  const warned = (text: string) => load(text).warnings
  const AGREED = 'accounts: [{ ca: pebble, agree_terms: true }]'
  const ONE = 'certificates: [{ name: a, names: [a.example], ca: pebble }]'
  const PUBLIC = 'solvers: [{ name: web, http: { address: 0.0.0.0 } }]'

  test('nothing', () => expect(warned(`${AGREED}, ${PUBLIC}, ${ONE}`)).toEqual([]))
  test.each([
    [`${PUBLIC}, ${ONE}`, /^engine\.accounts: .* nothing agrees to its terms; write \{ ca: pebble/],
    [`${AGREED}, ${ONE}`, /^engine\.solvers: there are none/],
    [
      `${AGREED}, ${PUBLIC}, certificates: [{ name: a, names: ["*.a.example"], ca: pebble }]`,
      /^engine\.certificates: no solver can answer for \*\.a\.example of a; a wildcard needs/,
    ],
    [
      'solvers: [{ name: web, http: { port: 8080 } }]',
      /^engine\.solvers: web listens on 127\.0\.0\.1 port 8080.*lead port 80/,
    ],
    [
      'solvers: [{ name: d, desec: { token: t, endpoint: "http://d.example" } }]',
      /^engine\.solvers: d sends its secret over http/,
    ],
    [`solvers: [${ZONE}]`, /^engine\.solvers: zone sends updates without a TSIG key/],
    [
      'solvers: [{ name: r, responder: {} }], dns: { zone: d.example, nameserver: ns.d.example }',
      /^engine\.dns: ns\.d\.example is in its own zone and has no address/,
    ],
    ['dns: { zone: d.example, nameserver: ns.example }', /^engine\.dns: no solver uses it and it has no api/],
    [
      'dns: { zone: d.example, nameserver: ns.example, api: { address: 0.0.0.0, tls: false } }',
      /^engine\.dns\.api: 0\.0\.0\.0 takes passwords without TLS/,
    ],
  ])('%s', (text, warning) => {
    expect(warned(text)).toEqual([expect.stringMatching(warning)])
  })
})
