import { X509Certificate } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { activateIssuer } from '../../../src/broker/local-ca/create-local-ca.ts'
import { listName, listUrl, parseListName } from '../../../src/broker/local-ca/issuer-files.ts'
import type { LocalIssuer } from '../../../src/broker/local-ca/local-issuer.ts'
import type { LocalCa } from '../../../src/broker/local-ca/open-local-ca.ts'
import { run } from '../../interception/verifiers.ts'
import { csrOf, dns, ecKey, LocalCaWorld, wanted } from '../../support/broker/local-ca-world.ts'

const DAY = 86_400_000_000
const HOUR = 3_600_000_000
let world: LocalCaWorld
let ca: LocalCa
let issuer: LocalIssuer

beforeEach(async () => {
  world = await LocalCaWorld.make()
  await world.create()
  ;({ ca, issuer } = await world.open())
})
afterEach(() => world.close())

const file = (name: string) => join(world.data, name)

async function issue(order: string) {
  const names = dns(`${order}.internal.example`)
  const { reference } = await issuer.place(wanted(order, names))
  const [chain] = (await issuer.finalize(reference, csrOf(ecKey(), names))).chains
  return { chain: chain!, der: new X509Certificate(chain!).raw }
}

/** What OpenSSL says of a certificate with the list of now. */
async function verdict(chain: string): Promise<string> {
  const { generation, root } = await ca.current()
  await writeFile(file('root.pem'), root)
  await writeFile(file('chain.pem'), chain)
  await writeFile(file('list.der'), (await ca.currentCrl(generation))!.list)
  const { output } = await run('openssl', [
    ...[
      'verify',
      '-x509_strict',
      '-crl_check',
      '-CRLfile',
      file('list.der'),
      '-attime',
      String(Math.floor(world.now / 1e6)),
    ],
    ...['-CAfile', file('root.pem'), '-untrusted', file('chain.pem'), file('chain.pem')],
  ])
  return output
}

async function text(list: Buffer): Promise<string> {
  await writeFile(file('list.der'), list)
  return (await run('openssl', ['crl', '-inform', 'DER', '-in', file('list.der'), '-noout', '-text'])).output
}

describe('a revocation list', () => {
  test('refuses what was revoked and nothing else, as OpenSSL sees it', async () => {
    const [one, other] = [await issue('one'), await issue('other')]
    expect(await verdict(one.chain)).toContain(': OK')
    expect(await issuer.revoke(one.der, null, 1)).toBe('revoked')
    expect(await verdict(one.chain)).toContain('certificate revoked')
    expect(await verdict(other.chain)).toContain(': OK')
    const list = (await ca.currentCrl(1))!
    const shown = await text(list.list)
    expect(shown).toContain('Key Compromise')
    expect(shown).toMatch(/CRL Number: *\n *2\n/)
    expect(shown).toContain('Authority Key Identifier')
  })

  test('is signed by its issuer: one changed byte is seen', async () => {
    await writeFile(file('issuer.pem'), (await ca.current()).chain)
    const list = Buffer.from((await ca.currentCrl(1))!.list)
    const check = async () => {
      await writeFile(file('list.der'), list)
      return (
        await run('openssl', [
          'crl',
          '-inform',
          'DER',
          '-in',
          file('list.der'),
          '-noout',
          '-CAfile',
          file('issuer.pem'),
        ])
      ).output
    }
    expect(await check()).toContain('verify OK')
    list[list.length - 1]! ^= 1
    expect(await check()).not.toContain('verify OK')
  })

  test('is made anew when half its time is over, and its number grows by one', async () => {
    const first = (await ca.currentCrl(1))!
    expect(first).toMatchObject({ number: 1, thisUpdate: world.now, nextUpdate: world.now + 7 * DAY })
    world.now += 3.4 * DAY
    expect((await ca.currentCrl(1))!.number).toBe(1)
    world.now += 0.2 * DAY
    const all = await Promise.all(Array.from({ length: 10 }, () => ca.currentCrl(1)))
    expect(new Set(all.map((list) => list?.number))).toEqual(new Set([2]))
    expect(all[0]?.nextUpdate).toBe(world.now + 7 * DAY)
    expect(await readFile(join(world.files.path, 'internal.crl'))).toEqual(all[0]?.list)
  })

  test('goes on with its number after a restart', async () => {
    world.now += HOUR
    await issuer.revoke((await issue('one')).der, null, 0)
    // The time of its revocation is that of the list: the next start makes one more, and those after it none.
    for (const _ of [1, 2]) {
      world.now += HOUR
      ;({ ca, issuer } = await world.open())
      expect((await ca.currentCrl(1))!.number).toBe(3)
    }
    await issuer.revoke((await issue('two')).der, null, 0)
    expect((await ca.currentCrl(1))!.number).toBe(4)
  })

  test('catches up at a start on what was revoked when a kill came', async () => {
    const { chain, der } = await issue('one')
    const { serialNumber } = new X509Certificate(der)
    await world.store.revokeLocalCertificate('internal', serialNumber.toLowerCase(), world.now, 4)
    expect(await verdict(chain)).toContain(': OK')
    ;({ ca, issuer } = await world.open())
    expect(await verdict(chain)).toContain('certificate revoked')
  })

  test('keeps what ended until one list was made after its end (RFC 5280 §3.3)', async () => {
    world.settings = { ...world.settings, validity: 86_400_000 }
    const { der } = await issue('one')
    await issuer.revoke(der, null, 0)
    const serials = async () =>
      (await text((await ca.currentCrl(1))!.list)).match(/Serial Number/g)?.length ?? 0
    expect(await serials()).toBe(1)
    world.now += 4 * DAY
    expect(await serials()).toBe(1)
    world.now += 4 * DAY
    expect(await serials()).toBe(0)
  })

  test('loses nothing to a clock that was ahead for a while', async () => {
    const { chain, der } = await issue('one')
    await issuer.revoke(der, null, 0)
    const now = world.now
    world.now = now + 3650 * DAY
    await ca.currentCrl(1)
    world.now = now + DAY
    expect(await verdict(chain)).toContain('certificate revoked')
  })

  test('twenty revocations at once are all in one of the lists that follow', async () => {
    const issued = await Promise.all(Array.from({ length: 20 }, (_, at) => issue(`n${at}`)))
    await Promise.all(issued.map(({ der }) => issuer.revoke(der, null, 5)))
    const list = (await ca.currentCrl(1))!
    expect((await text(list.list)).match(/Serial Number/g)).toHaveLength(20)
    expect(world.faults).toEqual([])
  })

  test('a revocation stands though its list cannot be made', async () => {
    const { der, chain } = await issue('one')
    const { putLocalCrl } = world.store
    world.store.putLocalCrl = async () => {
      throw new Error('disk full')
    }
    expect(await issuer.revoke(der, null, 0)).toBe('revoked')
    expect(String(world.faults)).toContain('disk full')
    world.store.putLocalCrl = putLocalCrl
    ;({ ca, issuer } = await world.open())
    expect(await verdict(chain)).toContain('certificate revoked')
  })

  test('each issuer has its own, the earlier one to its end', async () => {
    const { der } = await issue('one')
    await world.create()
    await activateIssuer(world.files)
    world.now += HOUR
    await issuer.revoke(der, null, 0)
    const [first, second] = [(await ca.currentCrl(1))!, (await ca.currentCrl(2))!]
    expect(await text(first.list)).toMatch(/Issuer: CN = Test CA issuer\n[\s\S]*Serial Number/)
    expect(await text(second.list)).toMatch(/Issuer: CN = Test CA issuer 2\n[\s\S]*No Revoked Certificates/)
    expect(await ca.currentCrl(3)).toBeNull()
  })
})

describe('names of lists', () => {
  test.each([
    ['internal', 1, 'internal.crl'],
    ['internal-2', 1, 'internal-2.crl'],
    ['internal', 2, 'internal.2.crl'],
  ])('%s, issuer %d', (name, generation, written) => {
    expect(listName(name, generation)).toBe(written)
    expect(parseListName(written)).toEqual({ name, generation })
  })

  test.each([
    'internal',
    '.crl',
    'internal.1.crl',
    'internal.02.crl',
    '../x.crl',
    'Internal.crl',
    'a.crl.crl',
  ])('%s is none', (written) => expect(parseListName(written)).toBeNull())

  test.each([
    ['http://crl.example/internal.crl', 'http://crl.example/internal.2.crl'],
    ['http://crl.example/a.b/list?x=1', 'http://crl.example/a.b/list.2?x=1'],
  ])('where %s is, the second is %s', (url, second) => {
    expect(listUrl(url, 1)).toBe(url)
    expect(listUrl(url, 2)).toBe(second)
  })
})
