import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readCertificateChain } from '../../../src/acme/certificate.ts'
import { IssuerError } from '../../../src/broker/issuer.ts'
import { activateIssuer } from '../../../src/broker/local-ca/create-local-ca.ts'
import type { LocalIssuer } from '../../../src/broker/local-ca/local-issuer.ts'
import { run } from '../../interception/verifiers.ts'
import { csrOf, csrWithSpki, dns, ecKey, LocalCaWorld, wanted } from '../../support/broker/local-ca-world.ts'

const MINUTE = 60_000_000
const DAY = 86_400_000_000
let world: LocalCaWorld
let issuer: LocalIssuer

beforeEach(async () => {
  world = await LocalCaWorld.make({
    crl: 'http://crl.example/internal.crl',
    profiles: [{ name: 'mutual', client_auth: true, validity: 3_600_000 }],
  })
  await world.create()
  issuer = (await world.open()).issuer
})
afterEach(() => world.close())

const NAMES = [...dns('a.internal.example', '*.b.internal.example'), { type: 'ip', value: '10.1.2.3' }]

async function issue(order: string, identifiers = NAMES, profile: string | null = null, key = ecKey()) {
  const { reference } = await issuer.place(wanted(order, identifiers, profile))
  return await issuer.finalize(reference, csrOf(key, identifiers))
}

async function faultOf(asked: Promise<unknown>): Promise<IssuerError> {
  const error = await asked.then(
    () => null,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(IssuerError)
  return error as IssuerError
}

async function text(pem: string): Promise<string> {
  await writeFile(join(world.data, 'leaf.pem'), pem)
  return (await run('openssl', ['x509', '-in', join(world.data, 'leaf.pem'), '-noout', '-text'])).output
}

describe('a certificate', () => {
  test('holds the names of the order, is for TLS servers, and names its list', async () => {
    const { chains, upstreamAccount } = await issue('o1')
    expect(upstreamAccount).toBeNull()
    const { leaf, chain } = readCertificateChain(Buffer.from(chains[0]!))!
    expect(leaf.identifiers).toEqual(NAMES)
    expect(leaf.commonName).toBe('a.internal.example')
    expect(leaf.serial).toMatch(/^[4-7][0-9a-f]{31}$/)
    expect(leaf.notBefore).toBe(Math.floor((world.now - MINUTE) / 1e6) * 1e6)
    expect(leaf.notAfter).toBe(Math.floor((world.now + 30 * DAY - 1e6) / 1e6) * 1e6)
    expect(leaf.ariId).not.toBeNull()
    expect(chain.map(({ subject }) => subject)).toEqual(['CN=Test CA issuer'])
    const shown = await text(chains[0]!)
    expect(shown).toMatch(/Extended Key Usage: *\n *TLS Web Server Authentication\n/)
    expect(shown).toContain('URI:http://crl.example/internal.crl')
    expect(shown).toMatch(/Basic Constraints: critical\n *CA:FALSE/)
  })

  test('is for clients too, and shorter, under a profile that says so', async () => {
    const { chains } = await issue('o1', NAMES, 'mutual')
    const shown = await text(chains[0]!)
    expect(shown).toContain('TLS Web Server Authentication, TLS Web Client Authentication')
    const { leaf } = readCertificateChain(Buffer.from(chains[0]!))!
    expect(leaf.notAfter - world.now).toBeLessThan(3_600_000_000)
  })

  test('has no common name where none fits, and its names are critical then', async () => {
    const long = `${'a'.repeat(60)}.internal.example`
    const { chains } = await issue('o1', dns(long))
    expect(readCertificateChain(Buffer.from(chains[0]!))!.leaf.commonName).toBeNull()
    expect(await text(chains[0]!)).toContain('Subject Alternative Name: critical')
    const { chains: byAddress } = await issue('o2', [{ type: 'ip', value: '10.9.9.9' }])
    expect(readCertificateChain(Buffer.from(byAddress[0]!))!.leaf.commonName).toBeNull()
  })

  test('never outlives its issuer', async () => {
    world.now += 3640 * DAY
    const { chains } = await issue('o1')
    const [leaf, signer] = chains[0]!.match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----/g)!
    expect(new X509Certificate(leaf!).validTo).toBe(new X509Certificate(signer!).validTo)
    world.now += 20 * DAY
    const fault = await faultOf(issuer.place(wanted('o2', NAMES)))
    expect(fault.fault).toBe('unfit')
    expect(fault.message).toContain('acmetap local-ca show internal')
  })

  test.each([
    ['RSA 2048', () => generateKeyPairSync('rsa', { modulusLength: 2048 })],
    ['P-384', () => generateKeyPairSync('ec', { namedCurve: 'P-384' })],
    ['P-521', () => generateKeyPairSync('ec', { namedCurve: 'P-521' })],
    ['Ed25519', () => generateKeyPairSync('ed25519')],
  ])('can have a key of the kind %s', async (_, generate) => {
    const { publicKey } = generate()
    const spki = publicKey.export({ type: 'spki', format: 'der' })
    const { reference } = await issuer.place(wanted('o1', NAMES))
    const { chains } = await issuer.finalize(reference, csrWithSpki(spki))
    expect(new X509Certificate(chains[0]!).publicKey.equals(publicKey)).toBe(true)
    const current = await (await world.open()).ca.current()
    await writeFile(join(world.data, 'root.pem'), current.root)
    await writeFile(join(world.data, 'chain.pem'), chains[0]!)
    const file = (name: string) => join(world.data, name)
    const verified = await run('openssl', [
      ...['verify', '-x509_strict', '-purpose', 'sslserver', '-verify_hostname', 'x.b.internal.example'],
      ...['-CAfile', file('root.pem'), '-untrusted', file('chain.pem'), file('chain.pem')],
    ])
    expect(verified).toEqual({ code: 0, output: expect.stringContaining(': OK') })
  })

  test.each([
    ['RSA 1024', () => generateKeyPairSync('rsa', { modulusLength: 1024 })],
    ['secp256k1', () => generateKeyPairSync('ec', { namedCurve: 'secp256k1' })],
    ['Ed448', () => generateKeyPairSync('ed448')],
  ])('cannot have a key of the kind %s', async (_, generate) => {
    const spki = generate().publicKey.export({ type: 'spki', format: 'der' })
    const { reference } = await issuer.place(wanted('o1', NAMES))
    const fault = await faultOf(issuer.finalize(reference, csrWithSpki(spki)))
    expect([fault.fault, fault.status, fault.type]).toEqual([
      'refused',
      400,
      'urn:ietf:params:acme:error:badCSR',
    ])
    expect(fault.detail).toMatch(/allowed/)
    expect(await world.store.localCertificates({ limit: 10 })).toEqual([])
  })

  test('is refused where the CSR cannot be read', async () => {
    const { reference } = await issuer.place(wanted('o1', NAMES))
    expect((await faultOf(issuer.finalize(reference, 'AAAA'))).type).toContain('badCSR')
  })
})

describe('an order', () => {
  test('is placed where all names are those of the CA', async () => {
    expect(await issuer.place(wanted('o1', NAMES))).toEqual({ reference: 'o1', expiresAt: null })
    expect(await issuer.place(wanted('o1', NAMES, 'mutual'))).toEqual({
      reference: 'o1:mutual',
      expiresAt: null,
    })
    expect(await issuer.unfit(wanted('o1', NAMES))).toBeNull()
    expect(await issuer.placed()).toEqual([])
  })

  test('is refused in words for a name that is not, with a subproblem each for several', async () => {
    const one = await faultOf(issuer.place(wanted('o1', dns('a.internal.example', 'www.example'))))
    expect(one).toMatchObject({
      ca: 'internal',
      fault: 'refused',
      status: 403,
      type: 'urn:ietf:params:acme:error:rejectedIdentifier',
      detail: 'www.example is not among the names of this CA',
      subproblems: [],
    })
    const outside = [...dns('www.example', '*.example'), { type: 'ip', value: '192.0.2.1' }]
    const several = await faultOf(issuer.place(wanted('o1', [...NAMES, ...outside])))
    expect(several.subproblems.map(({ identifier }) => identifier)).toEqual(outside)
    expect(await issuer.unfit(wanted('o1', outside))).toContain('not among the names')
  })

  test.each(['xinternal.example', 'internal.example.', 'INTERNAL.example.org', '*.localhost', '10.1.2.3'])(
    'is refused for the name %s',
    async (name) => {
      expect((await faultOf(issuer.place(wanted('o1', dns(name))))).fault).toBe('refused')
    },
  )

  test('is refused for a profile that is not there', async () => {
    const fault = await faultOf(issuer.place(wanted('o1', NAMES, 'short')))
    expect([fault.status, fault.type]).toEqual([400, 'urn:ietf:params:acme:error:invalidProfile'])
  })

  test('has one certificate, however often it is finalized', async () => {
    const key = ecKey()
    const first = await issue('o1', NAMES, null, key)
    expect(await issue('o1', NAMES, null, key)).toEqual(first)
    expect(await world.store.localCertificates({ limit: 10 })).toHaveLength(1)
    const fault = await faultOf(issue('o1', NAMES, null, ecKey()))
    expect(fault.type).toContain('orderNotReady')
  })

  test('has one certificate when it is finalized twenty times at once', async () => {
    const csr = csrOf(ecKey(), NAMES)
    const { reference } = await issuer.place(wanted('o1', NAMES))
    const all = await Promise.all(Array.from({ length: 20 }, () => issuer.finalize(reference, csr)))
    expect(new Set(all.map(({ chains }) => chains[0])).size).toBe(1)
    expect(await world.store.localCertificates({ limit: 10 })).toHaveLength(1)
  })

  test('is gone on with after a restart, by its own names', async () => {
    const key = ecKey()
    const { reference } = await issuer.place(wanted('o1', NAMES, 'mutual'))
    const { issuer: next } = await world.open()
    expect((await faultOf(next.finalize(reference, csrOf(key, NAMES)))).type).toContain('malformed')
    world.orders.set('o1', NAMES)
    const { chains } = await next.finalize(reference, csrOf(key, dns('evil.internal.example')))
    expect(readCertificateChain(Buffer.from(chains[0]!))!.leaf.identifiers).toEqual(NAMES)
  })

  test('ends without a certificate where its serial cannot be kept', async () => {
    const { reference } = await issuer.place(wanted('o1', NAMES))
    world.store.fault = new Error('disk full')
    await expect(issuer.finalize(reference, csrOf(ecKey(), NAMES))).rejects.toThrow('disk full')
    world.store.fault = null
    expect(await world.store.localCertificates({ limit: 10 })).toEqual([])
  })

  test('is not signed for a name that was taken from the CA meanwhile', async () => {
    const { reference } = await issuer.place(wanted('o1', NAMES))
    world.settings = { ...world.settings, names: ['localhost'] }
    expect((await faultOf(issuer.finalize(reference, csrOf(ecKey(), NAMES)))).fault).toBe('refused')
  })

  test('is not signed for a name that the issuer was not made for', async () => {
    world.settings = { ...world.settings, names: ['.other.example'] }
    const fault = await faultOf(issuer.place(wanted('o1', dns('a.other.example'))))
    expect(fault.fault).toBe('unfit')
    expect(fault.message).toContain('name constraints')
  })
})

describe('issuers', () => {
  test('a CA without one takes no order, and says what to do', async () => {
    const other = await LocalCaWorld.make()
    try {
      const { issuer: without } = await other.open()
      expect(await without.unfit(wanted('o1', NAMES))).toContain('acmetap local-ca create internal')
    } finally {
      await other.close()
    }
  })

  test('the next one signs once it is activated, without a restart', async () => {
    const key = ecKey()
    const first = await issue('o1', NAMES, null, key)
    await world.create()
    world.now += 3_000_000
    expect(readCertificateChain(Buffer.from((await issue('o2')).chains[0]!))!.leaf.issuer).toBe(
      'CN=Test CA issuer',
    )
    await activateIssuer(world.files)
    world.now += 3_000_000
    const { chains } = await issue('o3')
    expect(readCertificateChain(Buffer.from(chains[0]!))!.leaf.issuer).toBe('CN=Test CA issuer 2')
    expect(await text(chains[0]!)).toContain('URI:http://crl.example/internal.2.crl')
    // What the first one signed comes with its own chain still.
    expect(await issue('o1', NAMES, null, key)).toEqual(first)
  })

  test('a key under another passphrase opens nothing', async () => {
    const text = await world.files.read(1)
    await world.files.write(1, text.replace(/-----BEGIN ENC[^-]+-----[^-]+-----END[^-]+-----/, ''))
    const { issuer: broken } = await world.open()
    expect(await broken.unfit(wanted('o1', NAMES))).toMatch(/1\.pem cannot be used: it holds no key/)
  })
})

describe('revocation', () => {
  const derOf = (pem: string) => new X509Certificate(pem).raw

  test('is done once, with a reason that subscribers may give', async () => {
    const der = derOf((await issue('o1')).chains[0]!)
    const bad = await faultOf(issuer.revoke(der, null, 6))
    expect([bad.fault, bad.type]).toEqual(['refused', 'urn:ietf:params:acme:error:badRevocationReason'])
    expect(await issuer.revoke(der, null, 1)).toBe('revoked')
    expect(await issuer.revoke(der, null, 4)).toBe('alreadyRevoked')
    const [kept] = await world.store.localCertificates({ limit: 1 })
    expect([kept?.reason, kept?.revokedAt]).toEqual([1, world.now])
  })

  test('is refused for what this CA has not signed, whatever its serial', async () => {
    const other = await LocalCaWorld.make()
    try {
      await other.create()
      const { issuer: stranger } = await other.open()
      const { reference } = await stranger.place(wanted('o1', NAMES))
      const { chains } = await stranger.finalize(reference, csrOf(ecKey(), NAMES))
      expect((await faultOf(issuer.revoke(derOf(chains[0]!), null, 0))).fault).toBe('refused')
    } finally {
      await other.close()
    }
    const der = Buffer.from(derOf((await issue('o1')).chains[0]!))
    der[der.length - 1]! ^= 1
    expect((await faultOf(issuer.revoke(der, null, 0))).fault).toBe('refused')
    expect((await faultOf(issuer.revoke(Buffer.from('no'), null, 0))).fault).toBe('refused')
  })
})
