import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { chmod, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, createServer, type SecureContext, TLSSocket } from 'node:tls'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { AuthorityFolder } from '../../src/interception/authority-folder.ts'
import { assembleCertifiedChain } from '../../src/interception/certified-chain.ts'
import { Issuer, type IssuerEvent, NotIssuedError } from '../../src/interception/issuer.ts'
import { AuthorityError, makeIssuingAuthority } from '../../src/interception/issuing-authority.ts'
import {
  makeRequestKey,
  makeSigningRequest,
  opensslExtensions,
} from '../../src/interception/signing-request.ts'
import { startOperatorCa } from './operator-ca.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const names = { dns: ['acme.test', 'localhost'], ips: ['127.0.0.1'] }

let data: string
let folder: AuthorityFolder
let events: IssuerEvent[]
let clock: number
const now = () => new Date(clock)
const open = (wanted = names) => Issuer.open(data, wanted, now, (event) => events.push(event))
const kinds = () => events.map(({ kind }) => kind)
const serverOf = async (contextFor: () => Promise<SecureContext>) => {
  const server = createServer(
    {
      SNICallback: (_name, done) =>
        contextFor().then(
          (context) => done(null, context),
          (error: Error) => done(error),
        ),
    },
    (socket) => {
      socket.on('error', () => undefined)
      socket.end('ok')
    },
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}
/** The certificates served, leaf first; rejects where a client that trusts `ca` refuses. */
const shake = (server: Awaited<ReturnType<typeof serverOf>>, ca: string, servername = 'acme.test') =>
  new Promise<X509Certificate[]>((resolve, reject) => {
    const { port } = server.address() as AddressInfo
    const socket = connect({ port, host: '127.0.0.1', servername, ca }, () => {
      const chain: X509Certificate[] = []
      for (let one = socket.getPeerX509Certificate(); one !== undefined; one = one.issuerCertificate) {
        chain.push(one)
      }
      socket.destroy()
      resolve(chain)
    })
    socket.on('error', reject)
  })
const served = async (issuer: Issuer, host = 'acme.test', ca = issuer.rootsPem()) => {
  const server = await serverOf(() => issuer.contextFor(host))
  return await shake(server, ca, host).finally(() => server.close())
}

beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'acmetap-issuer-'))
  folder = new AuthorityFolder(data)
  events = []
  clock = Date.now()
})
afterEach(() => rm(data, { recursive: true, force: true }))

describe('the first authority', () => {
  it('is made at the first start, once: root and issuer under the same constraints, keys 0600', async () => {
    const issuer = await open()
    expect(kinds()).toEqual(['rootMade'])
    const chain = await served(issuer)
    expect(chain).toHaveLength(2)
    const [leaf, intermediate] = chain as [X509Certificate, X509Certificate]
    const root = new X509Certificate(issuer.rootsPem())
    expect(events[0]).toMatchObject({ fingerprint: root.fingerprint256, notAfter: root.validToDate })
    expect(root.validToDate).toEqual(intermediate.validToDate)
    expect(root.validToDate.getTime() - clock).toBeLessThanOrEqual(395 * DAY)
    expect(issuer.rootsPem()).toBe(root.toString())
    expect(leaf.validToDate.getTime() - leaf.validFromDate.getTime()).toBeLessThanOrEqual(48 * HOUR)
    expect(leaf.subjectAltName).toBe('DNS:acme.test')
    expect((await stat(folder.current)).mode & 0o777).toBe(0o600)
    expect((await stat(folder.path)).mode & 0o777).toBe(0o700)
    const everything = await Promise.all(
      (await readdir(data, { recursive: true, withFileTypes: true }))
        .filter((entry) => entry.isFile())
        .map((entry) => readFile(join(entry.parentPath, entry.name), 'utf8')),
    )
    expect(everything.join('').match(/BEGIN PRIVATE KEY/g)).toHaveLength(1)
    const again = await open()
    expect(again.rootsPem()).toBe(issuer.rootsPem())
    expect(kinds()).toEqual(['rootMade'])
  })

  it('waits for the first host where none is configured', async () => {
    const issuer = await open({ dns: [], ips: [] })
    expect([issuer.rootsPem(), kinds()]).toEqual(['', []])
    issuer.use(names)
    await issuer.contextFor('acme.test')
    expect(kinds()).toEqual(['rootMade'])
  })

  it('is not made again where another process was faster', async () => {
    const first = await folder.createFirst(names, now())
    const second = await folder.createFirst(names, now())
    expect([first.created, second.created]).toEqual([true, false])
    expect(second.authority.pem).toBe(first.authority.pem)
  })
})

describe('leaves', () => {
  it('gives tickets to clients of a name, none to those that may send any name', async () => {
    const issuer = await open()
    const ticketOf = async (host: string) => {
      const secureContext = await issuer.contextFor(host)
      const server = createTcpServer((socket) => {
        new TLSSocket(socket, { isServer: true, secureContext }).on('error', () => undefined).resume()
      })
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      const { port } = server.address() as AddressInfo
      const options = { port, host: '127.0.0.1', servername: 'acme.test', maxVersion: 'TLSv1.2' } as const
      const socket = connect({ ...options, rejectUnauthorized: false })
      await once(socket, 'secureConnect')
      const ticket = socket.getTLSTicket()
      socket.destroy()
      server.close()
      return ticket
    }
    expect(await ticketOf('acme.test')).toBeDefined()
    expect(await ticketOf('127.0.0.1')).toBeUndefined()
  })

  it('are for configured hosts alone, in whatever spelling', async () => {
    const issuer = await open()
    for (const host of ['outside.test', 'sub.acme.test', 'acme.test.', '', '127.0.0.2', '::1', 'toString']) {
      await expect(issuer.contextFor(host)).rejects.toMatchObject({ reason: 'notConfigured' })
    }
    expect(await issuer.contextFor('ACME.test')).toBe(await issuer.contextFor('acme.test'))
    expect((await served(issuer, 'localhost'))[0]?.subjectAltName).toBe('DNS:localhost')
    await issuer.contextFor('127.0.0.1')
  })

  it('10,000 hosts asked for: nothing is minted for those outside, nothing grows', async () => {
    const issuer = await open()
    const known = await issuer.contextFor('acme.test')
    const refused = await Promise.allSettled(
      Array.from({ length: 10_000 }, (_, i) => issuer.contextFor(`host-${i}.acme.test`)),
    )
    expect(refused.every(({ status }) => status === 'rejected')).toBe(true)
    const reasons = refused.map((one) => one.status === 'rejected' && (one.reason as unknown))
    expect(reasons.every((reason) => reason instanceof NotIssuedError)).toBe(true)
    const contexts = new Set<SecureContext>()
    for (let i = 0; i < 1_000; i += 1) {
      for (const host of [...names.dns, ...names.ips]) contexts.add(await issuer.contextFor(host))
    }
    expect(contexts.size).toBe(3)
    expect(contexts.has(known)).toBe(true)
  })

  it('are minted once for callers at the same time', async () => {
    const issuer = await open()
    const contexts = await Promise.all(Array.from({ length: 50 }, () => issuer.contextFor('acme.test')))
    expect(new Set(contexts).size).toBe(1)
  })

  it('are renewed at half their life while the old one is served, and at once after a jump of the clock', async () => {
    const issuer = await open()
    const first = await issuer.contextFor('acme.test')
    clock += 22 * HOUR
    expect(await issuer.contextFor('acme.test')).toBe(first)
    await issuer.check()
    expect(await issuer.contextFor('acme.test')).toBe(first)
    clock += 2 * HOUR
    expect(await issuer.contextFor('acme.test')).toBe(first)
    await issuer.check()
    const second = await issuer.contextFor('acme.test')
    expect(second).not.toBe(first)
    clock += 72 * HOUR
    const third = await issuer.contextFor('acme.test')
    expect(third).not.toBe(second)
    clock -= 72 * HOUR
    expect(await issuer.contextFor('acme.test')).not.toBe(third)
  })

  it('never outlive the authority, and end with it', async () => {
    const issuer = await open()
    const root = new X509Certificate(issuer.rootsPem())
    clock = root.validToDate.getTime() - 2 * HOUR
    await issuer.contextFor('acme.test')
    clock = root.validToDate.getTime() + 1
    await expect(issuer.contextFor('acme.test')).rejects.toMatchObject({
      reason: 'ended',
      message: expect.stringContaining('acmetap root rotate'),
    })
    const later = await open()
    await expect(later.contextFor('acme.test')).rejects.toMatchObject({ reason: 'ended' })
    expect(events.at(-1)).toMatchObject({ kind: 'rootEndsSoon' })
  })
})

describe('configured hosts', () => {
  it('that grow beyond the constraints are named with what to run, and the others served', async () => {
    const issuer = await open()
    const known = await issuer.contextFor('acme.test')
    issuer.use({ dns: ['acme.test', 'second.test', 'sub.acme.test'], ips: ['10.0.0.1'] })
    expect(issuer.namesNotCovered).toEqual(['second.test', '10.0.0.1'])
    expect(events.at(-1)).toEqual({
      kind: 'namesNotCovered',
      names: ['second.test', '10.0.0.1'],
      run: 'acmetap root rotate',
    })
    expect(await issuer.contextFor('acme.test')).toBe(known)
    await issuer.contextFor('sub.acme.test')
    await expect(issuer.contextFor('second.test')).rejects.toMatchObject({
      reason: 'notCovered',
      message: 'the interception root does not cover second.test; run: acmetap root rotate',
    })
    await expect(issuer.contextFor('localhost')).rejects.toMatchObject({ reason: 'notConfigured' })
    const told = events.length
    await issuer.check()
    expect(events).toHaveLength(told)
    issuer.use(names)
    expect(issuer.namesNotCovered).toEqual([])
  })
})

describe('warnings', () => {
  it('of the end come once a day in the last 30 days', async () => {
    const issuer = await open()
    clock += 364 * DAY
    await issuer.check()
    expect(kinds()).toEqual(['rootMade'])
    clock += 2 * DAY
    for (let hour = 0; hour < 48; hour += 1) {
      await issuer.check()
      clock += HOUR
    }
    expect(kinds()).toEqual(['rootMade', 'rootEndsSoon', 'rootEndsSoon'])
    expect(events[1]).toMatchObject({ run: 'acmetap root rotate' })
  })

  it('of what cannot be used come once, and what signed before goes on', async () => {
    const issuer = await open()
    const good = await readFile(folder.current, 'utf8')
    const context = await issuer.contextFor('acme.test')
    for (const [spoil, says] of [
      [() => writeFile(folder.current, good.replaceAll('\nMII', '\nMIA')), /cannot be read/],
      [() => writeFile(folder.current, 'x'), /no private key/],
      [() => rm(folder.current), /is gone/],
      [() => writeFile(folder.current, good, { mode: 0o644 }), /chmod 600/],
    ] as const) {
      await spoil()
      await issuer.check()
      await issuer.check()
      expect(events.filter(({ kind }) => kind === 'authorityRefused').at(-1)).toMatchObject({
        detail: expect.stringMatching(says),
      })
      expect(await issuer.contextFor('acme.test')).toBe(context)
    }
    expect(events.filter(({ kind }) => kind === 'authorityRefused')).toHaveLength(4)
    expect(JSON.stringify(events)).not.toContain('PRIVATE')
    await chmod(folder.current, 0o600)
    await issuer.check()
    expect(events).toHaveLength(5)
  })
})

describe('a start is refused', () => {
  it.each([0o640, 0o604, 0o620, 0o601])('when the key has mode %o', async (mode) => {
    await open()
    await chmod(folder.current, mode)
    await expect(open()).rejects.toThrow(`chmod 600 ${folder.current}`)
    expect((await stat(folder.current)).mode & 0o777).toBe(mode)
  })

  it('when the authority is garbage, unconstrained, of another key, or lost beside earlier ones', async () => {
    await open()
    const good = await readFile(folder.current, 'utf8')
    const other = (await makeIssuingAuthority(names, now(), 'other')).pem
    const key = /-----BEGIN PRIVATE KEY-----[\s\S]*?-----END PRIVATE KEY-----\n/
    for (const text of ['', 'x', good.slice(0, 300), good.replace(key, key.exec(other)![0])]) {
      await writeFile(folder.current, text)
      await expect(open()).rejects.toThrow(AuthorityError)
    }
    await writeFile(folder.current, good)
    await folder.createNext(names, now())
    await rm(folder.current)
    await expect(open()).rejects.toThrow(/is missing beside what is left of earlier ones/)
  })
})

describe('rotation and import under load', () => {
  /** Connects all the time, trusting `ca` as it is when each connection begins, while `work` runs. */
  async function underLoad(issuer: Issuer, ca: () => string, work: () => Promise<void>) {
    const server = await serverOf(() => issuer.contextFor('acme.test'))
    let running = true
    const issuers = new Set<string>()
    let count = 0
    const client = async () => {
      while (running) {
        const [, issuing] = await shake(server, ca())
        issuers.add(issuing!.fingerprint256)
        count += 1
      }
    }
    const clients = Promise.all(Array.from({ length: 4 }, client))
    try {
      await Promise.race([work(), clients])
    } finally {
      running = false
    }
    await clients
    server.close()
    return { issuers, count }
  }
  const connections = async (issuer: Issuer, times: number) => {
    for (let i = 0; i < times; i += 1) await served(issuer)
  }

  it('rotation: clients that trust rootsPem() never see a failure', async () => {
    const issuer = await open()
    const first = issuer.rootsPem()
    let trusted = first
    const { issuers, count } = await underLoad(
      issuer,
      () => trusted,
      async () => {
        await connections(issuer, 10)
        await folder.createNext({ dns: ['acme.test', 'second.test'], ips: [] }, now())
        await issuer.check()
        expect(issuer.rootsPem().startsWith(first)).toBe(true)
        expect(issuer.rootsPem()).not.toBe(first)
        trusted = issuer.rootsPem()
        await connections(issuer, 10)
        await folder.activateNext()
        await issuer.check()
        await connections(issuer, 10)
      },
    )
    expect(issuers.size).toBe(2)
    expect(count).toBeGreaterThan(20)
    expect(kinds()).toEqual(['rootMade', 'namesNotCovered', 'authorityReplaced'])
    expect(issuer.rootsPem().endsWith(first)).toBe(true)
    expect(await folder.readNext()).toBeNull()
  })

  it("import: clients that trust the operator's root alone never see a failure", async () => {
    const ca = await startOperatorCa()
    try {
      const certified = async () => {
        const key = await makeRequestKey()
        const certificates = await ca.sign(
          await makeSigningRequest(key, names, 'load'),
          opensslExtensions(names),
        )
        const also = { dns: [], ips: [] }
        return await assembleCertifiedChain({
          key,
          certificates,
          roots: ca.root,
          names,
          also,
          now: new Date(),
        })
      }
      await folder.replaceCurrent(await certified())
      const issuer = await open()
      expect(issuer.rootsPem()).toBe(ca.root)
      const { issuers, count } = await underLoad(
        issuer,
        () => ca.root,
        async () => {
          for (let round = 0; round < 3; round += 1) {
            await connections(issuer, 5)
            await folder.replaceCurrent(await certified())
            await issuer.check()
          }
          await connections(issuer, 5)
        },
      )
      expect(issuers.size).toBe(4)
      expect(count).toBeGreaterThan(20)
      expect(issuer.rootsPem()).toBe(ca.root)
    } finally {
      await ca.close()
    }
  })

  it('an ended authority gives way to the next where one is prepared, and is forgotten with its key', async () => {
    const issuer = await open()
    const first = issuer.rootsPem()
    clock += 300 * DAY
    await folder.createNext(names, now())
    clock += 94 * DAY + HOUR
    await issuer.check()
    expect(kinds().at(-1)).toBe('authorityReplaced')
    expect(issuer.rootsPem()).toContain(first)
    clock += DAY
    await issuer.check()
    expect(issuer.rootsPem()).not.toContain(first)
    expect(await readdir(folder.previous)).toEqual([])
  })
})

describe('a crash', () => {
  it('while the first authority is written leaves a next start', async () => {
    await open()
    await rename(folder.current, `${folder.current}.new`)
    await open()
    expect(kinds()).toEqual(['rootMade', 'rootMade'])
    expect((await readdir(folder.path)).sort()).toEqual(['current.pem', 'previous'])
  })

  it('while an authority is replaced leaves the old one or the new one, whole', async () => {
    const issuer = await open()
    const old = (await folder.readCurrent())!
    const fresh = await makeIssuingAuthority(names, now(), 'fresh')
    // After the old one was kept, before anything else.
    await writeFile(join(folder.previous, 'kept.pem'), old.pem, { mode: 0o600 })
    expect((await open()).rootsPem()).toBe(issuer.rootsPem())
    // While the new one is written.
    await writeFile(`${folder.current}.new`, fresh.pem.slice(0, 500), { mode: 0o600 })
    expect((await open()).rootsPem()).toBe(issuer.rootsPem())
    await folder.replaceCurrent(fresh)
    expect((await readdir(folder.path)).sort()).toEqual(['current.pem', 'previous'])
    // Before what became current was taken away as next and as pending.
    await writeFile(folder.next, fresh.pem, { mode: 0o600 })
    await writeFile(folder.pending, fresh.issuer.key, { mode: 0o600 })
    const after = await open()
    expect((await readdir(folder.path)).sort()).toEqual(['current.pem', 'previous'])
    expect(after.rootsPem()).toBe(fresh.root + old.root)
  })
})
