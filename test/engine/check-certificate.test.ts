import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import { expect, test } from 'vitest'
import { makeSigningRequest } from '../../src/engine/certificate-signing-request.ts'
import { checkCertificate } from '../../src/engine/check-certificate.ts'
import { issueLeaf, makeRoot } from '../support/test-ca/certificates.ts'

const HOUR = 3_600_000
const NAMES = [
  { type: 'dns', value: 'www.example.com' },
  { type: 'ip', value: '2001:db8::1' },
]
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const spki = publicKey.export({ type: 'spki', format: 'der' })
const root = makeRoot('Root')
const other = makeRoot('Root')
const wanted = { csr: makeSigningRequest(privateKey, NAMES).toString('base64url'), identifiers: NAMES }
const now = Date.now()
const leaf = (changes: Partial<Parameters<typeof issueLeaf>[0]> = {}) =>
  issueLeaf({ spki, issuer: root, names: NAMES, ...changes })
const check = (...pems: readonly string[]) =>
  checkCertificate(
    pems.map((pem) => new X509Certificate(pem)),
    wanted,
    now * 1000,
  )

test('what was asked for is taken, with its chain as it came', async () => {
  const checked = await check(leaf(), root.pem)
  expect(checked.leaf.identifiers).toEqual(NAMES)
  expect(checked.chain.match(/BEGIN CERTIFICATE/g)).toHaveLength(2)
  expect((await check(leaf())).chain).toContain('BEGIN CERTIFICATE')
  expect((await check(leaf({ names: [...NAMES].reverse() }))).leaf.ariId).not.toBeNull()
})

const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({
  type: 'spki',
  format: 'der',
})
const at = (from: number, to: number) => ({ notBefore: new Date(now + from), notAfter: new Date(now + to) })

test.each([
  ['another key', () => check(leaf({ spki: stranger })), /for another key/],
  ['a name less', () => check(leaf({ names: NAMES.slice(0, 1) })), /for www\.example\.com instead of/],
  [
    'a name more',
    () => check(leaf({ names: [...NAMES, { type: 'dns', value: 'evil.example' }] })),
    /evil\.example/,
  ],
  [
    'a wildcard instead',
    () => check(leaf({ names: [{ type: 'dns', value: '*.example.com' }] })),
    /\*\.example\.com/,
  ],
  ['expired', () => check(leaf(at(-9 * HOUR, -HOUR))), /expired at/],
  ['ends before it begins', () => check(leaf(at(9 * HOUR, HOUR))), /ends before it begins/],
  ['begins in two days', () => check(leaf(at(48 * HOUR, 99 * HOUR))), /begins only at/],
  ['signed by a namesake', () => check(leaf(), other.pem), /did not sign the one before it/],
  ['the leaf as its own issuer', () => check(leaf(), leaf()), /is none of a CA/],
  ['turned round', () => check(root.pem, leaf()), /for another key/],
  ['a chain that ends elsewhere', () => check(leaf(), root.pem, other.pem), /certificate 3 did not sign/],
  ['nothing', () => check(), /no certificate that can be read/],
])('a certificate that is not the one asked for is refused: %s', async (_, checked, message) => {
  const refused = checked()
  await expect(refused).rejects.toThrow(message)
  await expect(refused).rejects.toMatchObject({ fault: 'mismatch' })
})
