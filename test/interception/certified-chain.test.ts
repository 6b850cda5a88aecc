import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { assembleCertifiedChain } from '../../src/interception/certified-chain.ts'
import { pemBlocks } from '../../src/interception/issuing-authority.ts'
import { mintLeaf } from '../../src/interception/leaf.ts'
import type { SubjectNames } from '../../src/interception/name-constraints.ts'
import {
  makeRequestKey,
  makeSigningRequest,
  opensslExtensions,
} from '../../src/interception/signing-request.ts'
import { type OperatorCa, startOperatorCa } from './operator-ca.ts'
import { run } from './verifiers.ts'

const names = { dns: ['acme.test'], ips: [] }
const none: SubjectNames = { dns: [], ips: [] }
const extensions = opensslExtensions(names)
const key = await makeRequestKey()
const request = await makeSigningRequest(key, names, 'test')
let ca: OperatorCa

beforeAll(async () => {
  ca = await startOperatorCa()
})
afterAll(() => ca.close())

const assemble = (certificates: string, change: Partial<Parameters<typeof assembleCertifiedChain>[0]> = {}) =>
  assembleCertifiedChain({
    key,
    certificates,
    roots: ca.root,
    names,
    also: none,
    now: new Date(),
    ...change,
  })
const without = (start: string) =>
  extensions
    .split('\n')
    .filter((line) => !line.startsWith(start))
    .join('\n')

async function strictly(root: string, chain: string, leaf: string, host: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'acmetap-strict-'))
  try {
    const files = { root, chain, leaf }
    for (const [name, pem] of Object.entries(files)) await writeFile(join(folder, `${name}.pem`), pem)
    const file = (name: keyof typeof files) => join(folder, `${name}.pem`)
    const check = host === '127.0.0.1' ? '-verify_ip' : '-verify_hostname'
    // biome-ignore format: one option with its value each
    return (await run('openssl', ['verify', '-x509_strict', '-purpose', 'sslserver', '-CAfile', file('root'), '-untrusted', file('chain'), check, host, file('leaf')])).output
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

describe('what an operator signed of our request', () => {
  it.each([
    ['the extensions written out', extensions, [] as string[]],
    ['those of the request', 'authorityKeyIdentifier=keyid', ['-copy_extensions', 'copy']],
  ])(
    'is put together, by %s, and openssl verify -x509_strict accepts its leaves',
    async (_how, ext, options) => {
      const issuer = await ca.sign(request, ext, ['-days', '30', ...options])
      for (const given of [{ certificates: issuer }, { certificates: ca.root + issuer, roots: null }]) {
        const authority = await assemble(given.certificates, given)
        expect(authority).toMatchObject({ permitted: names, own: false, root: ca.root })
        expect(pemBlocks(authority.chain, 'CERTIFICATE')).toHaveLength(1)
        const leaf = await mintLeaf(authority.issuer, names, new Date())
        expect(await strictly(ca.root, authority.chain, leaf.certificate, 'acme.test')).toMatch(
          /leaf\.pem: OK/,
        )
      }
    },
  )

  it('permits addresses of each family, and closes the one that is not used', async () => {
    for (const ips of [['127.0.0.1'], ['2001:db8::1'], ['127.0.0.1', '2001:db8::1']]) {
      const mixed = { dns: ['acme.test'], ips }
      const issuer = await ca.sign(request, opensslExtensions(mixed))
      const authority = await assemble(issuer, { names: mixed })
      expect(authority.permitted).toEqual(mixed)
    }
    const onlyAddress = { dns: [], ips: ['127.0.0.1'] }
    const authority = await assemble(await ca.sign(request, opensslExtensions(onlyAddress)), {
      names: onlyAddress,
    })
    const leaf = await mintLeaf(authority.issuer, onlyAddress, new Date())
    expect(await strictly(ca.root, authority.chain, leaf.certificate, '127.0.0.1')).toMatch(/leaf\.pem: OK/)
  })

  it('may permit hosts of CAs to come where --also names them', async () => {
    const wide = { dns: ['acme.test', 'later.test'], ips: [] }
    const issuer = await ca.sign(request, opensslExtensions(wide))
    await expect(assemble(issuer)).rejects.toThrow(
      /permit more than the hosts of intercept\.cas: later\.test/,
    )
    const authority = await assemble(issuer, { also: { dns: ['later.test'], ips: [] } })
    expect(authority.permitted).toEqual(wide)
  })
})

describe('an import is refused', () => {
  const constraints = (section: string) =>
    `${without('nameConstraints').split('\n[constraints]')[0]}\nnameConstraints = ${section}\n`
  const closed =
    'permitted;email:invalid,permitted;URI:invalid,excluded;IP:0.0.0.0/0.0.0.0,excluded;IP:0:0:0:0:0:0:0:0/0:0:0:0:0:0:0:0'

  it.each([
    ['without name constraints', without('nameConstraints'), /has no name constraints: .* any host/],
    [
      'with constraints that are not critical',
      extensions.replace('nameConstraints = critical,', 'nameConstraints = '),
      /are not critical/,
    ],
    [
      'with constraints that miss a host',
      opensslExtensions({ dns: ['other.test'], ips: [] }),
      /do not cover acme\.test/,
    ],
    [
      'with nothing but the host in the constraints',
      constraints('critical,permitted;DNS:acme.test'),
      /leave open: IPv4 addresses, IPv6 addresses, mail addresses, URIs/,
    ],
    [
      'with a network in the constraints',
      constraints(`critical,permitted;DNS:acme.test,permitted;IP:10.0.0.0/255.0.0.0,${closed}`),
      /leave open: whole networks of IPv4 addresses/,
    ],
    ['with DNS names left open', constraints(`critical,${closed}`), /leave open: DNS names/],
    [
      'with a parent domain of the host',
      constraints(`critical,permitted;DNS:test,${closed}`),
      /permit more than the hosts of intercept\.cas: test\./,
    ],
    ['that is no CA', extensions.replace('CA:TRUE,pathlen:0', 'CA:FALSE'), /is not a CA certificate/],
    [
      'whose basicConstraints are not critical',
      extensions.replace('critical,CA:TRUE', 'CA:TRUE'),
      /not critical/,
    ],
    [
      'that may not sign certificates',
      extensions.replace('keyCertSign,cRLSign', 'digitalSignature'),
      /keyCertSign/,
    ],
    ['for TLS clients only', extensions.replace('serverAuth', 'clientAuth'), /lacks serverAuth/],
    [
      'without subjectKeyIdentifier',
      extensions.replace('subjectKeyIdentifier = hash', 'subjectKeyIdentifier = none'),
      /no subjectKeyIdentifier/,
    ],
    [
      'without authorityKeyIdentifier',
      extensions.replace('authorityKeyIdentifier = keyid', 'authorityKeyIdentifier = none'),
      /no authorityKeyIdentifier/,
    ],
  ])('%s', async (_what, ext, says) => {
    await expect(assemble(await ca.sign(request, ext))).rejects.toThrow(says)
  })

  it('for another key, self-signed, ended, not yet valid, empty or garbage', async () => {
    const good = await ca.sign(request, extensions)
    const later = (days: number) => new Date(Date.now() + days * 86_400_000)
    await expect(assemble(good, { key: await makeRequestKey() })).rejects.toThrow(/none .* is for our key/)
    await expect(assemble(ca.root)).rejects.toThrow(/none .* is for our key/)
    await expect(assemble(good, { now: later(366) })).rejects.toThrow(/acmetap issuer test" ended at 20/)
    await expect(assemble(good, { now: later(-1) })).rejects.toThrow(/is not valid before 20/)
    await expect(assemble('')).rejects.toThrow(/no certificate in it/)
    const garbage = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'
    await expect(assemble(garbage)).rejects.toThrow(/cannot be read/)
  })

  it('where the path does not lead to the root', async () => {
    const good = await ca.sign(request, extensions)
    const stranger = await startOperatorCa()
    try {
      await expect(assemble(good, { roots: null })).rejects.toThrow(
        /CN=Operator Root, is missing.*--root FILE/,
      )
      await expect(assemble(good, { roots: stranger.root })).rejects.toThrow(
        /does not lead to the root|signature on .* is not by/,
      )
      const named = await startOperatorCa('Another Root')
      await expect(assemble(good, { roots: named.root })).rejects.toThrow(/does not lead to the root/)
      await named.close()
    } finally {
      await stranger.close()
    }
  })

  it("where an intermediate is missing, too short in its pathlen, or constrained to the operator's own names", async () => {
    const under = async (ext: string) => {
      const deep = await startOperatorCa()
      const between = await deep.addIntermediate(
        `keyUsage=critical,keyCertSign\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n${ext}`,
      )
      const issuer = await deep.sign(request, extensions)
      await deep.close()
      return { issuer, between, roots: deep.root }
    }
    const good = await under('basicConstraints=critical,CA:TRUE,pathlen:1')
    const authority = await assemble(good.issuer + good.between, { roots: good.roots })
    expect(pemBlocks(authority.chain, 'CERTIFICATE')).toEqual([good.issuer, good.between])
    await expect(assemble(good.issuer, { roots: good.roots })).rejects.toThrow(
      /CN=Operator Intermediate, is missing/,
    )
    const short = await under('basicConstraints=critical,CA:TRUE,pathlen:0')
    await expect(assemble(short.issuer + short.between, { roots: short.roots })).rejects.toThrow(
      /allows 0 CA certificates below it \(pathlen\), and there are 1/,
    )
    const own = await under(
      'basicConstraints=critical,CA:TRUE\nnameConstraints=critical,permitted;DNS:example.net',
    )
    await expect(assemble(own.issuer + own.between, { roots: own.roots })).rejects.toThrow(
      /a client that trusts this root refuses the chain: .*(SUBTREE|PERMITTED)/i,
    )
  })
})
