import { X509Certificate } from 'node:crypto'
import { beforeEach, describe, expect, it } from 'vitest'
import { createAuthority } from '../../src/interception/authority.ts'
import { mintLeaf } from '../../src/interception/leaf.ts'
import type { SubjectNames } from '../../src/interception/name-constraints.ts'
import { signRogueLeaf } from './rogue-leaf.ts'
import { ask, missingFor, run, verifiers } from './verifiers.ts'

const now = new Date()
const authorityFor = (permitted: SubjectNames) =>
  createAuthority({ commonName: 'a root for tests', permitted, now, lifetimeDays: 30 })
const forName = await authorityFor({ dns: ['localhost'], ips: [] })
const elsewhere = await authorityFor({ dns: ['acme.test'], ips: [] })
const forAddress = await authorityFor({ dns: [], ips: ['127.0.0.1'] })
/** Java takes no constraints from a root it trusts: issuing-chain.test.ts. */
const everyVerifier = Object.keys(verifiers).filter((name) => name !== 'java')
const refusals = [
  {
    case: 'an outside name',
    root: elsewhere,
    names: { alternatives: [{ type: 'dns', value: 'localhost' }] },
    host: 'localhost',
  },
  {
    case: 'a permitted name beside an outside one',
    root: elsewhere,
    names: {
      alternatives: [
        { type: 'dns', value: 'acme.test' },
        { type: 'dns', value: 'localhost' },
      ],
    },
    host: 'localhost',
  },
  {
    case: 'an address when only names are permitted',
    root: elsewhere,
    names: { alternatives: [{ type: 'ip', value: '127.0.0.1' }] },
    host: '127.0.0.1',
  },
  {
    case: 'a name when only addresses are permitted',
    root: forAddress,
    names: { alternatives: [{ type: 'dns', value: 'localhost' }] },
    host: 'localhost',
  },
  {
    case: 'another address than the permitted one',
    root: forAddress,
    names: { alternatives: [{ type: 'ip', value: '127.0.0.2' }] },
    host: '127.0.0.2',
  },
  {
    case: 'a mail address beside the permitted name',
    root: forName,
    names: {
      alternatives: [
        { type: 'dns', value: 'localhost' },
        { type: 'email', value: 'root@acme.test' },
      ],
    },
    host: 'localhost',
  },
  {
    case: 'a URI beside the permitted name',
    root: forName,
    names: {
      alternatives: [
        { type: 'dns', value: 'localhost' },
        { type: 'url', value: 'https://acme.test/' },
      ],
    },
    host: 'localhost',
  },
] as const

describe.concurrent.each(everyVerifier)('name constraints as %s reads them', (verifier) => {
  beforeEach((context) => {
    const missing = missingFor[verifier] ?? null
    if (missing !== null) context.skip(missing)
  })

  it('accepts a minted leaf for a permitted name and for a permitted address', async () => {
    const name = await mintLeaf(forName, { dns: ['localhost'], ips: [] }, now)
    expect(await ask(verifier, forName.certificate, name, 'localhost')).toMatchObject({ reached: true })
    const address = await mintLeaf(forAddress, { dns: [], ips: ['127.0.0.1'] }, now)
    expect(await ask(verifier, forAddress.certificate, address, '127.0.0.1')).toMatchObject({ reached: true })
  })

  it.each(refusals)('refuses $case, signed with the root key', async ({ root, names, host }) => {
    const leaf = await signRogueLeaf(root, names)
    expect(await ask(verifier, root.certificate, leaf, host)).toMatchObject({ reached: false })
  })

  it('refuses an outside name as common name only, signed with the root key', async () => {
    const host = ['gnutls', 'go', 'nss'].includes(verifier) ? 'localhost' : 'outside.test'
    const leaf = await signRogueLeaf(elsewhere, { commonName: host })
    expect(await ask(verifier, elsewhere.certificate, leaf, host)).toMatchObject({ reached: false })
  })
})

async function opensslVerify(root: string, leaf: string, ...options: string[]): Promise<string> {
  const { mkdtemp, rm, writeFile } = await import('node:fs/promises')
  const { join } = await import('node:path')
  const { tmpdir } = await import('node:os')
  const folder = await mkdtemp(join(tmpdir(), 'acmetap-openssl-'))
  try {
    await writeFile(join(folder, 'root.pem'), root)
    await writeFile(join(folder, 'leaf.pem'), leaf)
    const args = ['verify', '-x509_strict', '-purpose', 'sslserver', ...options]
    return (await run('openssl', [...args, '-CAfile', join(folder, 'root.pem'), join(folder, 'leaf.pem')]))
      .output
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

describe('openssl verify -x509_strict', () => {
  it('accepts a leaf with several names and IPv4 and IPv6 addresses', async () => {
    const names = { dns: ['acme.test', 'relay.acme.test'], ips: ['192.0.2.1', '2001:db8::1'] }
    const root = await authorityFor(names)
    const leaf = await mintLeaf(root, names, now)
    for (const check of [
      ...names.dns.map((dns) => ['-verify_hostname', dns]),
      ...names.ips.map((ip) => ['-verify_ip', ip]),
    ]) {
      expect(await opensslVerify(root.certificate, leaf.certificate, ...check)).toMatch(/leaf\.pem: OK/)
    }
  })

  it('accepts a subdomain of a permitted name and no name that only ends alike', async () => {
    const verdict = async (value: string) => {
      const leaf = await signRogueLeaf(elsewhere, { alternatives: [{ type: 'dns', value }] })
      return await opensslVerify(elsewhere.certificate, leaf.certificate)
    }
    expect(await verdict('sub.acme.test')).toMatch(/OK/)
    for (const outside of ['evilacme.test', 'acme.test.evil', 'test', '*.test']) {
      expect(await verdict(outside)).toMatch(/permitted subtree violation/)
    }
  })

  it('refuses the other address family and the neighbour address', async () => {
    const root = await authorityFor({ dns: [], ips: ['2001:db8::1'] })
    for (const value of ['2001:db8::2', '192.0.2.1', '::ffff:192.0.2.1']) {
      const leaf = await signRogueLeaf(root, { alternatives: [{ type: 'ip', value }] })
      expect(await opensslVerify(root.certificate, leaf.certificate)).toMatch(/subtree violation/)
    }
  })

  it('refuses a certificate under an intermediate, for the path length is 0', async () => {
    const intermediate = await signRogueLeaf(forName, { commonName: 'an intermediate', ca: true })
    const leaf = await signRogueLeaf(intermediate, { alternatives: [{ type: 'dns', value: 'localhost' }] })
    const both = leaf.certificate + intermediate.certificate
    const { mkdtemp, rm, writeFile } = await import('node:fs/promises')
    const folder = await mkdtemp('/tmp/acmetap-path-')
    try {
      for (const [name, pem] of Object.entries({
        root: forName.certificate,
        leaf: both,
        chain: intermediate.certificate,
      })) {
        await writeFile(`${folder}/${name}.pem`, pem)
      }
      const args = [
        'verify',
        '-CAfile',
        `${folder}/root.pem`,
        '-untrusted',
        `${folder}/chain.pem`,
        `${folder}/leaf.pem`,
      ]
      expect((await run('openssl', args)).output).toMatch(/path length constraint exceeded/)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })
})

describe('mintLeaf', () => {
  it('lives 48 hours and never longer than its root', async () => {
    const leaf = await mintLeaf(forName, { dns: ['localhost'], ips: [] }, now)
    expect(leaf.notAfter.getTime()).toBe(Math.floor((now.getTime() + 48 * 3_600_000) / 1000) * 1000)
    const root = new X509Certificate(forName.certificate)
    const last = await mintLeaf(
      forName,
      { dns: ['localhost'], ips: [] },
      new Date(root.validToDate.getTime() - 3_600_000),
    )
    expect(last.notAfter).toEqual(root.validToDate)
  })

  it('has a serial number and a key of its own each time', async () => {
    const leaves = await Promise.all(
      [1, 2, 3].map(() => mintLeaf(forName, { dns: ['localhost'], ips: [] }, now)),
    )
    const parsed = leaves.map((leaf) => new X509Certificate(leaf.certificate))
    expect(new Set(parsed.map((leaf) => leaf.serialNumber)).size).toBe(3)
    expect(new Set(parsed.map((leaf) => leaf.publicKey.export({ type: 'spki', format: 'pem' }))).size).toBe(3)
    expect(parsed.every((leaf) => leaf.serialNumber.length === 32)).toBe(true)
  })
})
