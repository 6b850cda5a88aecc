import { mkdtemp, rm } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createSecureContext } from 'node:tls'
import { usageOf } from '../bench/process-usage.ts'
import { askAdmin } from '../support/acmetap-process.ts'
import { captureClientHello, inRecords, withServerName } from '../support/client-hello.ts'
import { startIntercepting } from '../support/intercepting-acmetap.ts'
import { startRawCa } from '../support/raw-ca.ts'
import { directoryOrOk } from '../support/smuggling-run.ts'
import { askConnect, openTcp, secure } from '../support/tunnel-client.ts'
import { random, type Soak } from './soak.ts'

/** In the second half of a run long enough that V8's heap has found its size in the first. */
const MEMORY_LIMIT_MB = 40
const LANES = 32
/** How long a hello that is waiting for its rest is left alone. */
const PATIENCE_MS = 150
const PLACES = ['tunnel', 'sni', 'https proxy'] as const
type Place = (typeof PLACES)[number]

/** Names no CA has; a ServerHello for one of them would be a leaf minted outside. */
const FOREIGN = 'a foreign name'

export const clientHellos: Soak = {
  proves:
    'no mutated ClientHello ends the process, mints a leaf for another host or keeps memory (threats N11)',
  unit: 'hellos',
  size: 80_000,
  async run({ size, seed, progress }) {
    const folder = await mkdtemp(join(tmpdir(), 'hellos-'))
    const ca = await startRawCa()
    ca.answerWith(directoryOrOk)
    const directory = `https://localhost:${ca.port}/dir`
    const acmetap = await startIntercepting({ folder, directory, trust: ca.trust }).catch(async (error) => {
      await ca.close()
      throw error
    })
    const target = `localhost:${ca.port}`
    const open: Readonly<Record<Place, (from: string) => Promise<Socket>>> = {
      tunnel: async (from) => (await askConnect({ port: acmetap.proxyPort, target, from })).socket,
      sni: (from) => openTcp(acmetap.sniPort, from),
      'https proxy': (from) => openTcp(acmetap.proxyPort, from),
    }
    try {
      const hello = await captureClientHello('localhost')
      const next = random(seed)
      const answers: Record<string, number> = {}
      const failures: string[] = []
      let rssSettled = 0
      let index = 0
      const work = async () => {
        while (index < size) {
          const at = index++
          if (at === Math.floor(size / 2)) rssSettled = usageOf(acmetap.pid).rss
          if (at > 0 && at % 10_000 === 0) progress(`${at} hellos`)
          const place = PLACES[at % PLACES.length] ?? 'sni'
          const { how, bytes } = mutate(hello, next)
          const socket = await open[place](`127.0.2.${1 + (at % 200)}`)
          const answer = await answerTo(socket, bytes)
          answers[`${place} ${answer}`] = (answers[`${place} ${answer}`] ?? 0) + 1
          if (how === FOREIGN && place === 'sni' && answer === 'handshake')
            failures.push(`hello ${at} got a certificate for a foreign name`)
        }
      }
      await Promise.all(Array.from({ length: LANES }, work))
      await sleep(1000)
      const rss = usageOf(acmetap.pid).rss
      const metrics = (await askAdmin(`${acmetap.adminUrl}/metrics`))?.body ?? ''
      const heap = Number(/^nodejs_heap_size_used_bytes (\S+)/m.exec(metrics)?.[1] ?? 0)
      const grown = Math.round((rss - rssSettled) / 1e6)
      if (size >= 40_000 && grown > MEMORY_LIMIT_MB) failures.push(`memory grew by ${grown} MB`)
      if (acmetap.process.child.exitCode !== null)
        failures.push(`acmetap ended: ${acmetap.process.output().slice(-500)}`)
      if (/"level":"?(error|fatal|50|60)/.test(acmetap.process.output()))
        failures.push(`acmetap logged an error: ${acmetap.process.output().slice(-500)}`)
      const before = ca.requests.length
      const secureContext = createSecureContext({ ca: [acmetap.interceptionRoot, acmetap.trust] })
      for (const place of ['tunnel', 'sni'] as const) {
        const socket = await secure(await open[place]('127.0.0.1'), {
          secureContext,
          servername: 'localhost',
        })
        const answered = new Promise((resolve) => socket.once('data', resolve))
        socket.write(`GET /after HTTP/1.1\r\nHost: ${target}\r\n\r\n`)
        if (!String(await answered).startsWith('HTTP/1.1 200 '))
          failures.push(`${place}: no honest answer afterwards`)
        socket.destroy()
      }
      if (ca.requests.length !== before + 2)
        failures.push('the CA got something else than the honest requests')
      const handshakes = PLACES.filter((place) => (answers[`${place} handshake`] ?? 0) === 0)
      for (const place of handshakes) failures.push(`${place}: no hello at all was answered with a handshake`)
      return {
        figures: {
          hellos: size,
          ...answers,
          'heap used MB': Math.round(heap / 1e6),
          'RSS MB': Math.round(rss / 1e6),
          'RSS grew by MB': grown,
        },
        failures,
        late: [],
      }
    } finally {
      await acmetap.stop()
      await ca.close()
      await rm(folder, { recursive: true, force: true })
    }
  },
}

type Answer = 'handshake' | 'alert' | 'closed' | 'silence' | 'something else'

async function answerTo(socket: Socket, bytes: Buffer): Promise<Answer> {
  socket.resume()
  const answered = new Promise<Answer>((resolve) => {
    socket.once('data', (data: Buffer) =>
      resolve(data[0] === 0x16 ? 'handshake' : data[0] === 0x15 ? 'alert' : 'something else'),
    )
    socket.once('close', () => resolve('closed'))
  })
  socket.write(bytes)
  const answer = await Promise.race([answered, sleep(PATIENCE_MS, 'silence' as const)])
  socket.destroy()
  return answer
}

function mutate(hello: Buffer, next: () => number): { how: string; bytes: Buffer } {
  const below = (limit: number) => Math.floor(next() * limit)
  const some = (size: number) => Buffer.from(Array.from({ length: size }, () => below(256)))
  const edited = (edit: (copy: Buffer) => void) => {
    const copy = Buffer.from(hello)
    edit(copy)
    return copy
  }
  const spliced = (at: number, removed: number, added: Buffer) =>
    Buffer.concat([hello.subarray(0, at), added, hello.subarray(at + removed)])
  const ways: readonly (readonly [string, () => Buffer])[] = [
    [
      'bits',
      () =>
        edited((copy) => {
          for (let i = 0; i <= below(8); i++) copy[below(copy.length)]! ^= 1 << below(8)
        }),
    ],
    ['cut off', () => hello.subarray(0, below(hello.length))],
    ['bytes added', () => spliced(below(hello.length), 0, some(1 + below(40)))],
    ['bytes left out', () => spliced(below(hello.length), 1 + below(40), Buffer.alloc(0))],
    [
      'a length',
      () =>
        edited((copy) => {
          copy.writeUInt16BE([0, 1, 0xffff, 0x4000, below(65_536)][below(5)]!, below(copy.length - 2))
        }),
    ],
    ['a part twice', () => spliced(below(hello.length), 0, hello.subarray(below(100), 100 + below(100)))],
    [FOREIGN, () => withServerName(hello, Buffer.from(`${below(1e9).toString(36)}.example.net`))],
    ['a name of bytes', () => withServerName(hello, some(1 + below(300)))],
    ['a name within another', () => withServerName(hello, Buffer.from(`localhost\0.${below(1e6)}.net`))],
    ['no name', () => withServerName(hello, null)],
    ['an empty name', () => withServerName(hello, Buffer.alloc(0))],
    ['in pieces', () => inRecords(hello, 1 + below(60))],
    ['as it was', () => hello],
    ['twice', () => Buffer.concat([hello, hello])],
    ['noise', () => Buffer.concat([Buffer.of(0x16, 3, 1), some(1 + below(600))])],
  ]
  const [how, make] = ways[below(ways.length)]!
  return { how, bytes: make() }
}
