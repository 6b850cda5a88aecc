import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { renderExample } from '../../src/config/example.ts'
import { allKeys } from '../../src/config/keys.ts'
import { loadConfig, parseConfig } from '../../src/config/load.ts'

const CONFIG = path.resolve(import.meta.dirname, '..', '..', 'config')
const example = readFileSync(path.join(CONFIG, 'acmetap.example.yaml'), 'utf8')
const options = { env: {}, readFiles: false }

test('the example file is what the schema says', () => {
  expect(example).toBe(renderExample())
})

test('it equals the defaults', () => {
  const small =
    'version: 1\ncas: { pebble: { directory: "https://localhost:14000/dir" } }\nrelay: [{ host: "localhost:8443", ca: pebble }]\n'
  const { config, digest, warnings } = parseConfig(example, '/x/acmetap.yaml', options)
  const expected = parseConfig(small, '/x/acmetap.yaml', options)
  expect(config).toEqual(expected.config)
  expect(digest).toBe(expected.digest)
  expect(warnings).toEqual([])
})

/** Of keys that exclude each other one stays; the CAs it names are those that it has. */
function withoutAlternatives(text: string): string {
  return text
    .replace(/^ *password: .*\n/gm, '')
    .replace(/^ {4}syslog:\n(?: {6}.*\n)*/gm, '')
    .replace(/^ *stdout: .*\n/gm, '')
    .replace(/^ *secret: .*\n/gm, '')
    .replace(/^ *managed: .*\n/gm, '')
    .replace(KINDS, '')
    .replace(SOLVERS, '')
    .replace(/ca: letsencrypt$/gm, 'ca: pebble')
    .replace(/^ *staging:\n *letsencrypt: .*\n/gm, '')
    .replace(/^ *(?:hmac_key|webhook|secret_file): .*\n/gm, '')
    .replace(/^ *trust: \.\/hooks\.pem\n/gm, '')
    .replace(/^ *key_passphrase: .*\n/gm, '')
    .replaceAll('cas: [letsencrypt, zerossl]', 'cas: [pebble]')
    .replace(/^( *)letsencrypt: shortlived$/gm, '$1pebble: shortlived')
    .replace(/^ *escalate:\n(?: {8}.*\n| *# .*\n)*/gm, '')
}

/** Every kind of channel but the webhook. */
const KINDS =
  /^ {6}(?:email|slack|teams|discord|mattermost|telegram|ntfy|pagerduty|opsgenie|alertmanager):\n(?: {8}.*\n| *# .*\n)*/gm

/** Every kind of solver but the first. */
const SOLVERS =
  /^ {6}(?:webroot|stateless|tls_alpn|rfc2136|responder|exec|httpreq|acme_sh|cloudflare|route53|google|azure|digitalocean|hetzner|ovh|desec|persist):(?: .*)?\n(?: {8}.*\n| *# .*\n)*/gm

test('with its comments taken off, it misses no key and still loads', () => {
  const complete = example.replace(/^( *)#((?: {2})*(?:- )?[A-Za-z_][A-Za-z0-9_]*:(?: .*)?)$/gm, '$1$2')
  const written: unknown = parse(complete)
  const missing = allKeys().filter(({ path: key }) => !present(written, key.split('.')))
  expect(missing.map(({ path: key }) => key)).toEqual([])
  const { config } = parseConfig(withoutAlternatives(complete), '/x/acmetap.yaml', {
    ...options,
    env: { TOKEN: 'x' },
  })
  expect(config.cas.pebble!.trust).toBe('/x/pebble.minica.pem')
  expect(config.listeners.acme.certificate).toEqual({
    chain: '/x/acmetap.chain.pem',
    key: '/x/acmetap.key.pem',
  })
})

test('every key has a description, and a default or an example where it is a value', () => {
  const bare = allKeys().filter((key) => !key.path.endsWith('*') && key.description === undefined)
  expect(bare.map((key) => key.path)).toEqual([])
  const values = allKeys().filter((key) => key.kind === 'scalar' && !key.path.endsWith('*'))
  expect(values.filter((key) => (key.default ?? key.example) === undefined).map((key) => key.path)).toEqual(
    [],
  )
  expect(values.length).toBeGreaterThan(20)
})

test.each(readdirSync(CONFIG).filter((name) => name.endsWith('.yaml')))('config/%s loads', (name) => {
  const { config } = loadConfig(path.join(CONFIG, name), options)
  const { relay, intercept, engine, broker } = config
  const users = [relay, intercept.cas, engine.certificates, broker]
  expect(Math.max(...users.map(({ length }) => length))).toBeGreaterThan(0)
})

function present(value: unknown, [step, ...rest]: readonly string[]): boolean {
  if (step === undefined) return true
  if (typeof value !== 'object' || value === null) return rest.length === 0 && step === '*'
  if (step === '*') {
    const entries = Object.values(value)
    return entries.length === 0 ? rest.length === 0 : entries.some((entry) => present(entry, rest))
  }
  return Object.hasOwn(value, step) && present((value as Record<string, unknown>)[step], rest)
}
