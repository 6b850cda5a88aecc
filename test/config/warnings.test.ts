import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { parseConfig } from '../../src/config/load.ts'
import { relayChanges, rememberRelays } from '../../src/config/relay-memory.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'relays-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const warningsOf = (text: string) =>
  parseConfig(`version: 1\ndata: ${folder}\n${text}`, '/x/a.yaml', { env: {}, readFiles: false }).warnings
const cas = 'cas:\n  one: { directory: https://a.example/d }\n  two: { directory: https://b.example/d }\n'

test('a host that is gone, moved or new since the last start', () => {
  const before = [
    { host: 'localhost:8443', ca: 'one' },
    { host: 'localhost', ca: 'two' },
  ]
  expect(relayChanges(folder, before)).toEqual([])
  rememberRelays(folder, before)
  expect(relayChanges(folder, before)).toEqual([])
  expect(relayChanges(folder, [...before, { host: 'new', ca: 'one' }])).toEqual([])
  const after = [
    { host: 'localhost', ca: 'one' },
    { host: 'localhost:9443', ca: 'one' },
  ]
  expect(relayChanges(folder, after)).toEqual([
    { host: 'localhost:8443', ca: 'one', now: null },
    { host: 'localhost', ca: 'two', now: 'one' },
  ])
  const warnings = warningsOf(
    `${cas}relay: [{ host: "localhost:9443", ca: one }, { host: localhost, ca: two }]\n`,
  )
  expect(warnings).toEqual([expect.stringMatching(/host localhost:8443 is no longer relayed.*orphaned/)])
})

test('relays.json is for this user alone, and rubbish in it is no reason to fail', () => {
  rememberRelays(folder, [{ host: 'a', ca: 'b' }])
  const file = path.join(folder, 'relays.json')
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ a: 'b' })
  for (const text of ['', '[]', 'null', '{"a":1}', '{']) {
    writeFileSync(file, text)
    expect(relayChanges(folder, [])).toEqual([])
  }
})

test('what is allowed but will hurt', () => {
  expect(warningsOf('')).toEqual([
    'relay, intercept, broker and engine: none names a CA, so there is nothing to do',
  ])
  expect(
    warningsOf(
      `${cas}relay: [{ host: "acme.example:443", ca: one }]\nlisteners: { admin: { address: 0.0.0.0 } }\n`,
    ),
  ).toEqual([
    'relay: host acme.example:443: clients leave out :443; write acme.example',
    'relay: host acme.example:443 is not among listeners.acme.names, so its certificate will not name acme.example',
    'cas.two: neither relay, intercept.cas, broker nor the engine uses it',
    'listeners.admin: 0.0.0.0 is open to others, and tokens cross the network readable; write tls: true',
  ])
  expect(warningsOf('cas: { p: { preset: pebble } }\nrelay: [{ host: localhost, ca: p }]\n')).toEqual([
    'cas.p: without trust only public roots are trusted, which rarely signed a pebble',
  ])
})

test('a relay to a CA that is known to refuse it', () => {
  const text = 'cas:\n  le: { preset: letsencrypt }\nrelay: [{ host: "localhost", ca: le }]\n'
  expect(warningsOf(text)).toEqual([
    expect.stringMatching(/^cas\.le: relay to Let's Encrypt will be refused\./),
  ])
})

test('what will hurt in intercept', () => {
  expect(warningsOf(`${cas}intercept: { cas: [one, two] }\n`)).toEqual([])
  const open = 'listeners: { proxy: { address: 0.0.0.0 }, sni: { port: 443 } }\n'
  expect(warningsOf(`${cas}${open}intercept: { cas: [one, two], other_hosts: tunnel }\n`)).toEqual([
    expect.stringMatching(/^listeners\.proxy: 0\.0\.0\.0 serves every network.*without a password/),
    expect.stringContaining('an open proxy'),
    expect.stringContaining('egress.resolvers'),
    expect.stringMatching(/^listeners\.sni: .*a\.example.*cas\.one\.addresses or egress\.resolvers/),
    expect.stringContaining('cas.two.addresses'),
  ])
  const guarded = 'listeners: { proxy: { address: 0.0.0.0, clients: [10.0.0.0/8] } }\n'
  expect(warningsOf(`${cas}${guarded}intercept: { cas: [one, two] }\n`)).toEqual([])
  expect(
    warningsOf('cas: { p: { directory: "https://localhost:14000/dir" } }\nintercept: { cas: [p] }\n'),
  ).toEqual([expect.stringMatching(/Go and Ruby never use a proxy for localhost/)])
  expect(
    warningsOf(
      `${cas}relay: [{host: localhost, ca: one}, {host: 'localhost:1', ca: two}]\nintercept: { other_hosts: tunnel }\n`,
    ),
  ).toEqual([expect.stringContaining('listener proxy is not opened')])
})

test('an admin listener that others reach', () => {
  const admin = (keys: string) =>
    warningsOf(
      `${cas}relay: [{ host: a, ca: one }, { host: b, ca: two }]\nlisteners: { acme: { names: [a, b] }, admin: { ${keys} } }\n`,
    )
  expect(admin('address: 127.0.0.2')).toEqual([])
  expect(admin('address: 0.0.0.0, tls: true, names: [acmetap.example.net]')).toEqual([])
  expect(admin('address: 0.0.0.0, tls: true')).toEqual([
    'listeners.admin: its certificate names localhost only; write names',
  ])
})
