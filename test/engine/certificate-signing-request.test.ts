import { execFileSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { readCertificateRequest } from '../../src/acme/certificate-request.ts'
import { makeCertificateKey } from '../../src/engine/certificate-key.ts'
import { makeSigningRequest } from '../../src/engine/certificate-signing-request.ts'
import { CERTIFICATE_KEY_TYPES } from '../../src/engine/job.ts'
import { findProgram } from '../support/child-process.ts'

const NAMES = [
  { type: 'dns', value: 'www.example.com' },
  { type: 'dns', value: '*.example.com' },
  { type: 'ip', value: '192.0.2.1' },
  { type: 'ip', value: '2001:db8::1' },
]

describe.each(CERTIFICATE_KEY_TYPES)('a request with a key %s', (type) => {
  const made = makeCertificateKey(type).then((key) => makeSigningRequest(key, NAMES))

  test('names it, asks for nothing else, and is signed by its own key', async () => {
    const request = await readCertificateRequest(await made)
    expect(request).toMatchObject({
      names: NAMES,
      commonNames: [],
      otherNames: [],
      extensions: ['2.5.29.17'],
      mustStaple: false,
      faults: [],
      signature: { verified: true },
    })
    const { type: kind, size } = request!.key
    expect(`${kind === 'RSA' ? 'rsa' : 'ec'}${size}`).toBe(type)
  })

  test('OpenSSL verifies it', async (context) => {
    if (findProgram('openssl') === null) return context.skip('openssl is not installed')
    const input = await made
    const text = execFileSync('openssl', ['req', '-inform', 'DER', '-noout', '-verify', '-text'], {
      input,
      encoding: 'utf8',
      stdio: ['pipe', 'pipe', 'ignore'],
    })
    expect(text).toContain(
      'DNS:www.example.com, DNS:*.example.com, IP Address:192.0.2.1, IP Address:2001:DB8',
    )
  })
})

test('a hundred long names: lengths of one, two and three bytes', async () => {
  const key = await makeCertificateKey('ec256')
  for (const count of [1, 2, 5, 100, 1000]) {
    const names = Array.from({ length: count }, (_, at) => ({
      type: 'dns',
      value: `${'n'.repeat(60)}${at}.${'m'.repeat(60)}.example.com`.replace(/^n{1,4}/, ''),
    }))
    const request = await readCertificateRequest(makeSigningRequest(key, names))
    expect(request?.names).toEqual(names)
    expect(request?.faults).toEqual([])
  }
})

test('a key of another kind is refused', () => {
  const { privateKey } = generateKeyPairSync('ed25519')
  expect(() => makeSigningRequest(privateKey, NAMES)).toThrow(TypeError)
})
