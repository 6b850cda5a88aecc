import { X509Certificate } from 'node:crypto'
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Authority, createAuthority } from '../../src/interception/authority.ts'
import { mintLeaf } from '../../src/interception/leaf.ts'
import { ListenerRootError } from '../../src/interception/listener-root.ts'
import { type RunningListener, startListener, until } from './running-listener.ts'
import { ask, http2, tls } from './tls-client.ts'

const HOUR = 3_600_000
let folder: string
let running: RunningListener | undefined

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmetap-pair-'))
})
afterEach(async () => {
  await running?.stop()
  running = undefined
  await rm(folder, { recursive: true, force: true })
})

async function servedSerial(port: number, root: string): Promise<string> {
  const socket = await tls({ port, root })
  const { serialNumber } = socket.getPeerX509Certificate() as X509Certificate
  socket.destroy()
  return serialNumber
}

describe('a certificate from files', () => {
  let authority: Authority
  const files = () => ({ chain: join(folder, 'chain.pem'), key: join(folder, 'key.pem') })
  const fresh = async () => {
    const leaf = await mintLeaf(authority, { dns: ['localhost'], ips: [] }, new Date())
    return { ...leaf, serial: new X509Certificate(leaf.certificate).serialNumber }
  }
  const write = async (pair: { certificate: string; key: string }, into = files()) => {
    await writeFile(into.chain, pair.certificate)
    await writeFile(into.key, pair.key)
  }
  const start = async () => {
    running = await startListener({ certificate: { from: 'files', ...files() } })
    return { ...running, root: authority.certificate }
  }

  beforeEach(async () => {
    const permitted = { dns: ['localhost'], ips: [] }
    authority = await createAuthority({
      commonName: 'pair root',
      permitted,
      now: new Date(),
      lifetimeDays: 2,
    })
  })

  it('is replaced when the files change, and open connections go on', async () => {
    const [first, second] = [await fresh(), await fresh()]
    await write(first)
    const target = await start()
    const session = await http2(target)
    const socket = await tls(target)
    expect(await servedSerial(target.port, target.root)).toBe(first.serial)
    await write(second)
    await target.listener.checkCertificate()
    expect(await servedSerial(target.port, target.root)).toBe(second.serial)
    expect(target.certificateEvents).toEqual([{ kind: 'certificateReplaced', notAfter: second.notAfter }])
    expect((await ask(session, {})).status).toBe(200)
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await new Promise((resolve) => socket.once('data', resolve))
    expect(session.destroyed).toBe(false)
    session.destroy()
    socket.destroy()
  })

  it('is found by itself, also when a symlink above the files is swapped', async () => {
    const [first, second] = [await fresh(), await fresh()]
    for (const [name, pair] of [
      ['one', first],
      ['two', second],
    ] as const) {
      await mkdir(join(folder, name))
      await write(pair, { chain: join(folder, name, 'chain.pem'), key: join(folder, name, 'key.pem') })
    }
    const live = join(folder, 'live')
    await symlink('one', live)
    running = await startListener({
      certificate: { from: 'files', chain: join(live, 'chain.pem'), key: join(live, 'key.pem') },
      limits: { certificateCheckInterval: 20 },
    })
    const { certificateEvents, port } = running
    await symlink('two', `${live}.new`)
    await rename(`${live}.new`, live)
    await until(() => certificateEvents.length > 0)
    expect(await servedSerial(port, authority.certificate)).toBe(second.serial)
  })

  it.each([
    ['a key of another certificate', async () => ({ key: (await fresh()).key })],
    ['a certificate of another key', async () => ({ certificate: (await fresh()).certificate })],
    ['half a certificate', async () => ({ certificate: (await fresh()).certificate.slice(0, 300) })],
    ['an empty key', async () => ({ key: '' })],
    ['garbage', async () => ({ certificate: '\0\0\0', key: 'x' })],
  ])('changes nothing when it becomes %s, is reported once, and recovers', async (_title, broken) => {
    const first = await fresh()
    await write(first)
    const target = await start()
    await write({ ...first, ...(await broken()) })
    for (let round = 0; round < 4; round += 1) await target.listener.checkCertificate()
    expect(target.certificateEvents).toEqual([
      { kind: 'certificateRefused', detail: expect.stringMatching(/./) },
    ])
    expect(await servedSerial(target.port, target.root)).toBe(first.serial)
    const second = await fresh()
    await write(second)
    await target.listener.checkCertificate()
    expect(await servedSerial(target.port, target.root)).toBe(second.serial)
  })

  it('survives the files being gone, and does not report what lasts one look only', async () => {
    const [first, second] = [await fresh(), await fresh()]
    await write(first)
    const target = await start()
    await writeFile(files().chain, second.certificate)
    await target.listener.checkCertificate()
    await writeFile(files().key, second.key)
    await target.listener.checkCertificate()
    expect(target.certificateEvents.map((event) => event.kind)).toEqual(['certificateReplaced'])
    await rm(files().key)
    for (let round = 0; round < 3; round += 1) await target.listener.checkCertificate()
    expect(target.certificateEvents.map((event) => event.kind)).toEqual([
      'certificateReplaced',
      'certificateRefused',
    ])
    expect(await servedSerial(target.port, target.root)).toBe(second.serial)
  })

  it('must be good at the start', async () => {
    const first = await fresh()
    await write({ ...first, key: (await fresh()).key })
    await expect(start()).rejects.toThrow(/key does not belong/)
  })
})

describe('a certificate under the own root', () => {
  it('is renewed at half its life, by itself, with the same root', async () => {
    let now = new Date('2026-11-22T00:00:00Z').getTime()
    running = await startListener({ now: () => new Date(now), limits: { certificateCheckInterval: 20 } })
    const { listener, certificateEvents } = running
    const first = listener.certificate
    now += 23 * HOUR
    await listener.checkCertificate()
    expect(listener.certificate).toBe(first)
    now += 2 * HOUR
    await Promise.all(Array.from({ length: 5 }, () => listener.checkCertificate()))
    await until(() => certificateEvents.length > 0)
    expect(certificateEvents).toHaveLength(1)
    expect(listener.certificate.notAfter.getTime()).toBe(now + 48 * HOUR)
    const root = new X509Certificate(running.root)
    expect(new X509Certificate(listener.certificate.chain).checkIssued(root)).toBe(true)
  })

  it('is made anew when the clock was set back before its start', async () => {
    let now = new Date('2026-11-22T00:00:00Z').getTime()
    running = await startListener({ now: () => new Date(now) })
    now += 25 * HOUR
    await running.listener.checkCertificate()
    now -= 24 * HOUR
    await running.listener.checkCertificate()
    expect(running.listener.certificate.notAfter.getTime()).toBe(now + 48 * HOUR)
  })

  it('warns once a day in the last 30 days of the root', async () => {
    let now = new Date('2026-11-22T00:00:00Z').getTime()
    running = await startListener({ now: () => new Date(now) })
    const warnings = () => running?.certificateEvents.filter((event) => event.kind === 'rootEndsSoon') ?? []
    now = new Date('2031-10-22T00:00:00Z').getTime()
    await running.listener.checkCertificate()
    expect(warnings()).toEqual([])
    for (let hour = 0; hour < 49; hour += 1) {
      now = new Date('2031-10-24T00:00:00Z').getTime() + hour * HOUR
      await running.listener.checkCertificate()
    }
    expect(warnings()).toHaveLength(3)
  })

  it('is refused at the start for names the root does not cover', async () => {
    running = await startListener()
    const certificate = { from: 'ownRoot', folder: running.folder } as const
    await expect(startListener({ certificate, names: ['other.test'] })).rejects.toThrow(ListenerRootError)
  })
})
