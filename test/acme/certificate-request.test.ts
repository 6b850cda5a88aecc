import { createPublicKey, hash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { readCertificateRequest } from '../../src/acme/certificate-request.ts'
import { readCsr } from '../../src/acme/csr.ts'
import { type BaseRequest, baseRequests } from '../support/csr/base-requests.ts'
import { MUTATIONS } from '../support/csr/mutations.ts'
import { thumbprintOf } from '../support/sign-jws.ts'

const bases = baseRequests()
const [rsa2048, rsa4096, p256, , p384, p521, ed25519, hundred, , addresses, stapled, wildcard] =
  bases as unknown as readonly [...BaseRequest[]]

function mutated(name: string, base: BaseRequest | undefined = p256): Buffer {
  const found = MUTATIONS.find((mutation) => mutation.name === name)?.make(base!)
  if (!found) throw new RangeError(`no mutation "${name}"`)
  return found
}

async function faultsOf(name: string, base?: BaseRequest): Promise<string> {
  return (await readCertificateRequest(mutated(name, base)))?.faults.join('\n') ?? 'null'
}

test.each(bases)('what openssl makes of $name is read without a fault', async ({ der, identifiers, key }) => {
  const read = await readCertificateRequest(der)
  expect(read?.faults).toEqual([])
  expect(read?.names).toEqual(identifiers)
  expect(read?.signature.verified).toBe(true)
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' })
  expect(read?.key.spki).toBe(hash('sha256', spki))
  // The inventory finds certificates by it.
  expect(read?.key.spki).toBe(readCsr(der)?.spki)
  expect(read?.key.thumbprint).toBe(thumbprintOf(createPublicKey(key).export({ format: 'jwk' }) as never))
})

test('keys are told by type, size and curve', async () => {
  const keys = await Promise.all(
    [rsa2048, rsa4096, p256, p384, p521, ed25519].map(async (base) => {
      const read = await readCertificateRequest(base!.der)
      return [read?.key.type, read?.key.size, read?.key.curve, read?.signature.algorithm]
    }),
  )
  expect(keys).toEqual([
    ['RSA', 2048, null, 'sha256WithRSA'],
    ['RSA', 4096, null, 'sha256WithRSA'],
    ['ECDSA', 256, 'P-256', 'ecdsaWithSHA256'],
    ['ECDSA', 384, 'P-384', 'ecdsaWithSHA256'],
    ['ECDSA', 521, 'P-521', 'ecdsaWithSHA256'],
    ['Ed25519', 256, null, 'Ed25519'],
  ])
})

test('names, common names, extensions and must-staple', async () => {
  expect((await readCertificateRequest(hundred!.der))?.names).toHaveLength(100)
  expect((await readCertificateRequest(addresses!.der))?.names).toEqual([
    { type: 'ip', value: '192.0.2.1' },
    { type: 'ip', value: '2001:db8::1' },
    { type: 'dns', value: 'one.example.com' },
  ])
  expect((await readCertificateRequest(wildcard!.der))?.commonNames).toEqual([])
  const read = await readCertificateRequest(stapled!.der)
  expect(read?.mustStaple).toBe(true)
  expect(read?.commonNames).toEqual(['one.example.com'])
  expect(read?.extensions).toEqual(['2.5.29.17', '1.3.6.1.5.5.7.1.24'])
  expect((await readCertificateRequest(p256!.der))?.mustStaple).toBe(false)
})

test.each([
  ['a common name that is not its own', 'another common name', '"evil.example.net" is not among the names'],
  ['a common name of 72 characters', 'common name too long', 'longer than 64'],
  ['extensions in two attributes', 'extensions requested twice, evil last', 'an attribute twice'],
  ['an extension twice', 'subjectAltName twice, evil last', 'an extension twice (2.5.29.17)'],
  ['an attribute other readers know', 'extensions the way of Windows, evil', '1.3.6.1.4.1.311.2.1.14'],
  ['other kinds of names', 'an e-mail address', 'a name of kind email'],
  ['a name twice', 'a name twice, in upper case', '"ONE.EXAMPLE.COM" stands in it twice'],
  ['NUL', 'NUL after a name', 'is not printable ASCII'],
  ['an address of another length', 'an address with its mask', 'an address of 8 bytes'],
  ['bytes after the end', 'bytes after the end', 'bytes after its end'],
  ['bytes after the names', 'bytes after the names', 'bytes after the subjectAltName'],
  ['an INTEGER in two bytes', 'version 0 in two bytes', 'an INTEGER that is not minimal'],
  ['another version', 'version 3', 'its version is none of 0, 1, 2'],
  ['a huge key', 'a huge RSA key', 'has 16384 bits'],
  ['a small key', 'an RSA key of 512 bits', 'has 512 bits'],
  ['a curve spelt out', 'a curve of explicit parameters', 'explicit parameters'],
  ['a point that is on no curve', 'a point off its curve', 'not on its curve'],
  ['a broken digest', 'SHA-1', 'ecdsaWithSHA1, which is broken'],
  ['a wrong signature', 'a wrong signature', 'its signature is wrong'],
  ['the signature of another key', 'signed by another key', 'its signature is wrong'],
])('says that it has %s', async (_, name, fault) => {
  expect(await faultsOf(name)).toContain(fault)
})

test('an e-mail address is told by kind, not by value', async () => {
  const read = await readCertificateRequest(mutated('an e-mail address'))
  expect(read?.otherNames).toEqual(['email'])
  expect(JSON.stringify(read)).not.toContain('me@example.com')
})

describe('bounds', () => {
  test('what can be read of a request is smaller than a few times the request, whatever is in it', async () => {
    for (const { name } of MUTATIONS) {
      for (const base of [rsa2048!, hundred!]) {
        const der = MUTATIONS.find((each) => each.name === name)!.make(base)
        if (!der) continue
        const read = await readCertificateRequest(der)
        expect(JSON.stringify(read).length, name).toBeLessThan(5 * der.length + 5000)
        expect(read?.faults.length ?? 0, name).toBeLessThanOrEqual(20)
        for (const fault of read?.faults ?? []) expect(fault, name).toMatch(/^[\x20-\x7e…]{1,250}$/)
      }
    }
  })

  test('1,001 names: the first thousand, and a fault', async () => {
    const read = await readCertificateRequest(mutated('1,001 names'))
    expect(read?.names).toHaveLength(1000)
    expect(read?.faults.join()).toContain('asks for 1002 names')
  })

  test('nothing that is cut anywhere is read, and nothing throws', async () => {
    for (let length = 0; length < p256!.der.length; length++)
      expect(await readCertificateRequest(p256!.der.subarray(0, length))).toBeNull()
  })

  test('one bit changed anywhere is a fault', async () => {
    for (let at = 0; at < p256!.der.length; at++) {
      const changed = Buffer.from(p256!.der)
      changed[at]! ^= 1 << (at % 8)
      expect((await readCertificateRequest(changed))?.faults, `byte ${at}`).not.toEqual([])
    }
  })
})
