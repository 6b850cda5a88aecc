import { X509Certificate } from 'node:crypto'
import { expect, test } from 'vitest'
import type { Operation } from '../../src/acme/operation.ts'
import { askedOf } from '../../src/exchange/read-asked.ts'
import { ACCOUNT, classified, inspection, ORIGIN } from '../support/exchanges.ts'
import { makeAccountKey, signJws } from '../support/sign-jws.ts'
import { issueLeaf, makeCsr, makeRoot } from '../support/test-ca/certificates.ts'

const NAMES = [
  { type: 'dns', value: 'one.example.com' },
  { type: 'ip', value: '192.0.2.1' },
]
const key = makeAccountKey()
const spki = key.publicKey.export({ type: 'spki', format: 'der' })

function asked(operation: Operation, payload: unknown) {
  return askedOf({ ...classified(operation), inspection: inspection(payload) })
}

test('an order: profile, validity, what it replaces', async () => {
  const nothing = { kind: 'order', profile: null, notBefore: null, notAfter: null, replaces: null }
  expect(await asked('newOrder', { identifiers: NAMES })).toEqual(nothing)
  expect(
    await asked('newOrder', {
      identifiers: NAMES,
      profile: 'shortlived',
      notBefore: '2026-01-01T00:00:00Z',
      notAfter: '2026-02-01T00:00:00Z',
      replaces: 'AAA.BBB',
      unknown: { more: 1 },
    }),
  ).toEqual({
    kind: 'order',
    profile: 'shortlived',
    notBefore: '2026-01-01T00:00:00Z',
    notAfter: '2026-02-01T00:00:00Z',
    replaces: 'AAA.BBB',
  })
  expect(await asked('newOrder', { profile: null, notAfter: null })).toEqual(nothing)
  expect(await asked('newOrder', { profile: 5, notAfter: null, replaces: ['x'] })).toEqual({
    ...nothing,
    profile: '5',
    replaces: '["x"]',
  })
  expect(await asked('newOrder', 'text')).toEqual(nothing)
})

test.each([
  [{ identifier: { type: 'dns', value: 'example.com' } }, false],
  [{ identifier: { type: 'dns', value: 'example.com', subdomainAuthAllowed: true } }, true],
  [{ identifier: { type: 'dns', value: 'example.com', subdomainAuthAllowed: 'yes' } }, true],
  [{ identifier: { type: 'dns', value: 'example.com', subdomainAuthAllowed: false } }, false],
  [{ identifier: { type: 'dns', value: 'example.com', subdomainAuthAllowed: null } }, false],
  [{ identifier: { type: 'dns', value: 'example.com' }, subdomainAuthAllowed: true }, true],
])('an authorization for subdomains: %j', async (payload, subdomains) => {
  expect(await asked('newAuthz', payload)).toEqual({ kind: 'authorization', subdomains })
})

test('an account: the binding, what it only looks for, its end; no contacts', async () => {
  const binding = JSON.parse(signJws(key, { kid: 'team-a', url: ORIGIN }, key.jwk).toString())
  const payload = { contact: ['mailto:me@example.com'], externalAccountBinding: binding }
  const bound = await asked('newAccount', payload)
  expect(bound).toEqual({
    kind: 'account',
    externalAccount: 'team-a',
    onlyReturnExisting: false,
    status: null,
  })
  expect(JSON.stringify(bound)).not.toContain('example.com')
  expect(await asked('newAccount', { onlyReturnExisting: true })).toMatchObject({ onlyReturnExisting: true })
  expect(await asked('account', { status: 'deactivated' })).toMatchObject({ status: 'deactivated' })
})

test.each([
  [{ contact: ['mailto:a@example.com', 'mailto:b@example.com'] }, 2],
  [{ contact: [] }, 0],
  [{ contact: 'mailto:a@example.com' }, 1],
  [{ contact: null }, undefined],
  [{ status: 'deactivated' }, undefined],
])('an update says how many contacts it puts there, and not which: %j', async (payload, count) => {
  const found = await asked('account', payload)
  expect(found).toEqual({
    kind: 'account',
    externalAccount: null,
    onlyReturnExisting: false,
    status: 'status' in payload ? payload.status : null,
    ...(count === undefined ? {} : { contacts: count }),
  })
})

test('a finalize: the CSR, null where there is none or it is none', async () => {
  const csr = makeCsr(key.privateKey, spki, NAMES).toString('base64url')
  const found = await asked('finalize', { csr })
  expect(found).toMatchObject({
    kind: 'finalize',
    csr: { names: NAMES, key: { thumbprint: key.thumbprint }, faults: [] },
  })
  for (const payload of [undefined, {}, { csr: 5 }, { csr: '' }, { csr: 'AAAA' }, { csr: `${csr}=` }])
    expect(await asked('finalize', payload)).toEqual({ kind: 'finalize', csr: null })
})

test('a revocation: reason, serial and names', async () => {
  const root = makeRoot()
  const leaf = new X509Certificate(issueLeaf({ spki, issuer: root, names: NAMES }))
  const certificate = leaf.raw.toString('base64url')
  expect(await asked('revokeCert', { certificate, reason: 1 })).toEqual({
    kind: 'revocation',
    reason: 1,
    serial: leaf.serialNumber.toLowerCase().replace(/^0+/, ''),
    names: NAMES,
  })
  expect(await asked('revokeCert', { certificate: 'AAAA', reason: 'x' })).toEqual({
    kind: 'revocation',
    reason: null,
    serial: null,
    names: null,
  })
})

test('a key change: the thumbprint of the new key', async () => {
  const next = makeAccountKey()
  const inner = signJws(next, { jwk: next.jwk, url: ORIGIN }, { account: ACCOUNT, oldKey: key.jwk })
  const thumbprint = next.thumbprint
  expect(await asked('keyChange', JSON.parse(inner.toString()))).toEqual({ kind: 'keyChange', thumbprint })
  expect(await asked('keyChange', {})).toEqual({ kind: 'keyChange', thumbprint: null })
})

test('what asks for nothing beyond its URL', async () => {
  const reading: readonly Operation[] = ['account', 'order', 'authorization', 'certificate', 'challenge']
  for (const operation of reading) expect(await asked(operation, undefined)).toBeNull()
  expect(await asked('unrecognised', { csr: 'AAAA' })).toBeNull()
  expect(await askedOf({ ...classified('newOrder'), inspection: null })).toBeNull()
})

test('it is no longer than what was sent', async () => {
  const long = 'x'.repeat(20_000)
  const order = await asked('newOrder', { profile: long, notBefore: long, replaces: long })
  expect(JSON.stringify(order).length).toBeLessThan(4000)
})
