import { expect, test } from 'vitest'
import { acmeOptions, originOf } from '../../src/app/listeners.ts'
import { ConfigError } from '../../src/config/config-error.ts'
import { parseConfig } from '../../src/config/load.ts'

function load(certificate: string) {
  const text = `version: 1
cas: { pebble: { directory: "https://localhost:14000/dir" } }
relay: [{ host: "localhost:8443", ca: pebble }]
listeners: { acme: { certificate: ${certificate} } }
engine:
  accounts: [{ ca: pebble, agree_terms: true }]
  solvers: [{ name: web, http: {} }]
  certificates:
    - { name: proxy.example.net, names: [proxy.example.net], ca: pebble }
    - { name: other, names: [other.example.net], ca: pebble, files: ./tls }
`
  return parseConfig(text, '/x/acmetap.yaml', { env: {}, readFiles: false }).config
}

function problem(certificate: string): string {
  try {
    load(certificate)
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
  return ''
}

test('a managed certificate instead of files', () => {
  const config = load('{ managed: proxy.example.net }')
  expect(acmeOptions(config).certificate).toEqual({
    from: 'managed',
    folder: '/x/data',
    chain: '/x/data/certificates/live/proxy.example.net/fullchain.pem',
    key: '/x/data/certificates/live/proxy.example.net/privkey.pem',
  })
  expect(originOf({ managed: 'other' }, config)).toMatchObject({ key: '/x/tls/live/other/privkey.pem' })
})

test('files as before', () => {
  expect(acmeOptions(load('{ chain: a.pem, key: b.pem }')).certificate).toEqual({
    from: 'files',
    chain: '/x/a.pem',
    key: '/x/b.pem',
  })
})

test('what does not go together is said', () => {
  expect(problem('{ managed: proxy.exmaple.net }')).toMatch(
    /managed: names a certificate that is not under engine\.certificates.*Did you mean proxy\.example\.net\?/s,
  )
  expect(problem('{ managed: other, chain: a.pem, key: b.pem }')).toMatch(
    /chain: and managed exclude each other/,
  )
  expect(problem('{ chain: a.pem }')).toMatch(/certificate: has no key/)
  expect(problem('{ key: a.pem }')).toMatch(/certificate: has no chain/)
  expect(problem('{}')).toMatch(/says no certificate.*Write chain and key, or managed/s)
})
