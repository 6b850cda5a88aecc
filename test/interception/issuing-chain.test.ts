/** What a thief of the issuing key can do to clients, by verifiers of six families. */
import { X509Certificate } from 'node:crypto'
import { beforeEach, describe, expect, it } from 'vitest'
import { createAuthority, createIssuingChain } from '../../src/interception/authority.ts'
import { mintLeaf } from '../../src/interception/leaf.ts'
import type { SubjectNames } from '../../src/interception/name-constraints.ts'
import { signRogueLeaf } from './rogue-leaf.ts'
import { ask, missingFor, verifiers } from './verifiers.ts'

const now = new Date()
const requestFor = (permitted: SubjectNames) => ({
  commonName: 'acmetap interception root test',
  permitted,
  now,
  lifetimeDays: 30,
})
const chainFor = async (permitted: SubjectNames) => {
  const { root, intermediate, key } = await createIssuingChain(requestFor(permitted))
  return { root, certificate: intermediate, key }
}
const forName = await chainFor({ dns: ['localhost'], ips: [] })
const forAddress = await chainFor({ dns: [], ips: ['127.0.0.1'] })
const forBoth = await chainFor({ dns: ['localhost'], ips: ['127.0.0.1'] })
const forIpv6 = await chainFor({ dns: [], ips: ['::1'] })
const elsewhere = await chainFor({ dns: ['acme.test'], ips: ['192.0.2.1'] })

/** Names that NSS, wget and lego resolve by themselves: there the outside name is `localhost`. */
const resolvesAlone = new Set(['gnutls', 'go', 'nss'])

const stolen = [
  ['an outside name', elsewhere, { alternatives: [{ type: 'dns', value: 'localhost' }] }, 'localhost'],
  [
    'an outside name beside a permitted one',
    elsewhere,
    {
      alternatives: [
        { type: 'dns', value: 'acme.test' },
        { type: 'dns', value: 'localhost' },
      ],
    },
    'localhost',
  ],
  [
    'an address where only names are permitted',
    forName,
    { alternatives: [{ type: 'ip', value: '127.0.0.1' }] },
    '127.0.0.1',
  ],
  [
    'another address than the permitted one',
    elsewhere,
    { alternatives: [{ type: 'ip', value: '127.0.0.1' }] },
    '127.0.0.1',
  ],
  [
    'an IPv6 address where only an IPv4 one is permitted',
    forAddress,
    { alternatives: [{ type: 'ip', value: '::1' }] },
    '::1',
  ],
  [
    'an IPv4 address where only an IPv6 one is permitted',
    forIpv6,
    { alternatives: [{ type: 'ip', value: '127.0.0.1' }] },
    '127.0.0.1',
  ],
  [
    'a name where only addresses are permitted',
    forAddress,
    { alternatives: [{ type: 'dns', value: 'localhost' }] },
    'localhost',
  ],
  [
    'a mail address beside the permitted name',
    forName,
    {
      alternatives: [
        { type: 'dns', value: 'localhost' },
        { type: 'email', value: 'root@acme.test' },
      ],
    },
    'localhost',
  ],
] as const

const serve = async (authority: typeof forName, names: SubjectNames) => {
  const leaf = await mintLeaf(authority, names, now, 47)
  return { certificate: leaf.certificate + authority.certificate, key: leaf.key }
}

describe.concurrent.each(Object.keys(verifiers))('K1: the issuing key, as %s sees it', (verifier) => {
  beforeEach((context) => {
    const missing = missingFor[verifier] ?? null
    if (missing !== null) context.skip(missing)
  })

  it('accepts minted leaves for a permitted name and a permitted address', async () => {
    for (const authority of [forName, forBoth]) {
      const leaf = await serve(authority, { dns: ['localhost'], ips: [] })
      expect(await ask(verifier, authority.root, leaf, 'localhost')).toMatchObject({ reached: true })
    }
    for (const authority of [forAddress, forBoth]) {
      const leaf = await serve(authority, { dns: [], ips: ['127.0.0.1'] })
      expect(await ask(verifier, authority.root, leaf, '127.0.0.1')).toMatchObject({ reached: true })
    }
    const leaf = await serve(forIpv6, { dns: [], ips: ['::1'] })
    expect(await ask(verifier, forIpv6.root, leaf, '::1')).toMatchObject({ reached: true })
  })

  it.each(stolen)('refuses %s', async (_what, authority, names, host) => {
    const leaf = await signRogueLeaf(authority, names)
    const served = { certificate: leaf.certificate + authority.certificate, key: leaf.key }
    expect(await ask(verifier, authority.root, served, host)).toMatchObject({ reached: false })
  })

  it('refuses an outside name as common name only', async () => {
    const host = resolvesAlone.has(verifier) ? 'localhost' : 'outside.test'
    const leaf = await signRogueLeaf(elsewhere, { commonName: host })
    const served = { certificate: leaf.certificate + elsewhere.certificate, key: leaf.key }
    expect(await ask(verifier, elsewhere.root, served, host)).toMatchObject({ reached: false })
  })

  it('refuses a leaf of a further CA that the issuing key signed', async () => {
    const further = await signRogueLeaf(forName, { commonName: 'a further CA', ca: true })
    const leaf = await signRogueLeaf(further, { alternatives: [{ type: 'dns', value: 'localhost' }] })
    const served = {
      certificate: leaf.certificate + further.certificate + forName.certificate,
      key: leaf.key,
    }
    expect(await ask(verifier, forName.root, served, 'localhost')).toMatchObject({ reached: false })
  })
})

describe('a root whose key was kept', () => {
  it.skipIf(missingFor.java !== null)('would be good for any name to Java, so ours is not kept', async () => {
    const kept = await createAuthority(requestFor({ dns: ['acme.test'], ips: [] }))
    const leaf = await signRogueLeaf(kept, { alternatives: [{ type: 'dns', value: 'localhost' }] })
    expect(await ask('java', kept.certificate, leaf, 'localhost')).toMatchObject({ reached: true })
    const { root, intermediate, key } = await createIssuingChain(requestFor({ dns: ['acme.test'], ips: [] }))
    const keys = [root, intermediate].map((pem) => new X509Certificate(pem).publicKey)
    expect(keys[0]!.equals(keys[1]!)).toBe(false)
    expect(key.match(/PRIVATE KEY/g)).toHaveLength(2)
    expect(new X509Certificate(intermediate).verify(keys[0]!)).toBe(true)
  })
})
