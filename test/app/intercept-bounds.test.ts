/** What is refused before it is a request (N10, N11): TLS that is too old or too weak, and headers that are too large. */
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { createSecureContext } from 'node:tls'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type InterceptingAcmetap, startIntercepting } from '../support/intercepting-acmetap.ts'
import { reasonWithout } from '../support/missing.ts'
import { type RawCa, startRawCa } from '../support/raw-ca.ts'
import { directoryOrOk } from '../support/smuggling-run.ts'
import { askConnect, openTcp, secure } from '../support/tunnel-client.ts'

const missing = await reasonWithout('openssl')
beforeEach((context) => {
  if (missing !== null) context.skip(missing)
})

let folder: string
let ca: RawCa
let acmetap: InterceptingAcmetap
let target: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bounds-'))
  ca = await startRawCa()
  ca.answerWith(directoryOrOk)
  target = `localhost:${ca.port}`
  acmetap = await startIntercepting({ folder, directory: `https://${target}/dir`, trust: ca.trust })
  await writeFile(join(folder, 'roots.pem'), `${acmetap.interceptionRoot}\n${acmetap.trust}`)
}, 60_000)

afterAll(async () => {
  await acmetap?.stop()
  await ca?.close()
  await rm(folder, { recursive: true, force: true })
})

/** What `openssl s_client` says; `input` is typed once the handshake is over. */
async function client(place: keyof typeof PLACES, options: readonly string[], input = ''): Promise<string> {
  const child = spawn(
    'openssl',
    [
      ...['s_client', ...PLACES[place](), '-servername', 'localhost', '-CAfile', join(folder, 'roots.pem')],
      ...['-verify_return_error', ...options],
    ],
    { env: { PATH: process.env.PATH }, stdio: ['pipe', 'pipe', 'pipe'] },
  )
  child.stdin.on('error', () => undefined)
  child.stdin.write(input)
  // openssl leaves when its input ends, after what it was told.
  const leave = setTimeout(() => child.stdin.end(), input === '' ? 0 : 1500)
  const said = await Promise.all([text(child.stdout), text(child.stderr)])
  clearTimeout(leave)
  return said.join('')
}

const PLACES = {
  tunnel: () => ['-proxy', `127.0.0.1:${acmetap.proxyPort}`, '-connect', target],
  sni: () => ['-connect', `127.0.0.1:${acmetap.sniPort}`],
  'https proxy': () => ['-connect', `127.0.0.1:${acmetap.proxyPort}`],
} as const
const EVERYWHERE = Object.keys(PLACES) as (keyof typeof PLACES)[]

const everySetting = (settings: readonly (readonly string[])[]) =>
  EVERYWHERE.flatMap((place) => settings.map((setting) => [place, setting.join(' '), setting] as const))

test.for(everySetting([['-tls1_3'], ['-tls1_2']]))('%s: %s is spoken', async ([place, , setting]) => {
  const said = await client(place, setting)
  expect(said).toContain('Verify return code: 0 (ok)')
  expect(said).toMatch(/Cipher is (TLS_(AES|CHACHA20)|ECDHE-[A-Z]+-(AES(128|256)-GCM|CHACHA20))/)
})

const WEAK = [
  'RC4',
  '3DES',
  'NULL',
  'aNULL',
  'EXPORT',
  'kRSA',
  'AES128-SHA',
  'ECDHE-ECDSA-AES128-SHA',
  'ECDHE-ECDSA-AES256-SHA384',
  'DHE-RSA-AES128-GCM-SHA256',
  'PSK',
  'CAMELLIA',
]

test.for(
  everySetting([
    ['-tls1', '-cipher', 'ALL@SECLEVEL=0'],
    ['-tls1_1', '-cipher', 'ALL@SECLEVEL=0'],
    ...WEAK.map((cipher) => ['-tls1_2', '-cipher', `${cipher}@SECLEVEL=0`]),
  ]),
)('%s: %s is refused', async ([place, , setting]) => {
  const said = await client(place, setting)
  // Some of these openssl itself no longer has: then nothing is sent at all.
  expect(said).toMatch(/Cipher is \(NONE\)|Error with command|no cipher match/)
  expect(said).not.toMatch(/Cipher is (?!\(NONE\))/)
})

test.for(EVERYWHERE)('%s: renegotiation is refused', async (place) => {
  const said = await client(place, ['-tls1_2'], 'R\n')
  expect(said).toContain('RENEGOTIATING')
  expect(said).toMatch(/no renegotiation|unexpected|alert|closed|errno|error/i)
  expect(said.split('RENEGOTIATING')[1]).not.toContain('Verify return code: 0 (ok)\n---\nread R BLOCK')
})

/** Twenty-five ways to be too large. */
const TOO_LARGE: readonly (readonly [name: string, target: (path: string) => string, fields: string])[] = [
  ...[4_096, 5_000, 8_000, 12_000, 16_000].map(
    (size) => [`a query of ${size} bytes`, (path: string) => `${path}?${'a'.repeat(size)}`, ''] as const,
  ),
  ...[16_384, 17_000, 20_000, 65_536, 1_000_000].map(
    (size) => [`a field of ${size} bytes`, (path: string) => path, `X: ${'a'.repeat(size)}\r\n`] as const,
  ),
  ...[16_384, 20_000, 70_000].map(
    (size) =>
      [`a field name of ${size} bytes`, (path: string) => path, `${'X'.repeat(size)}: a\r\n`] as const,
  ),
  ...[100, 101, 150, 200, 500, 1_000, 5_000].map(
    (count) => [`${count} fields beside Host`, (path: string) => path, 'X: a\r\n'.repeat(count)] as const,
  ),
  ...[10, 50, 90].map(
    (count) =>
      [
        `${count} fields of 2 kB`,
        (path: string) => path,
        `X: ${'a'.repeat(2_000)}\r\n`.repeat(count),
      ] as const,
  ),
  ['a header without an end', (path: string) => path, 'X: a\r\nY: '.padEnd(40_000, 'b')],
  ['cookies of 100 kB', (path: string) => path, `Cookie: ${'a=b; '.repeat(20_000)}\r\n`],
]

const FORMS = ['inside the tunnel', 'through sni', 'on CONNECT', 'in absolute-form'] as const

test.for(FORMS)('%s: what is too large is refused, and the CA sees nothing of it', async (form) => {
  const arrived = ca.requests.length
  const context = createSecureContext({ ca: acmetap.interceptionRoot })
  const statuses: Record<string, string> = {}
  for (const [name, targetOf, fields] of TOO_LARGE) {
    const method = form === 'on CONNECT' ? 'CONNECT' : 'GET'
    const path = {
      'inside the tunnel': '/large',
      'through sni': '/large',
      'on CONNECT': target,
      'in absolute-form': `http://${target}/large`,
    }[form]
    const bytes = `${method} ${targetOf(path)} HTTP/1.1\r\nHost: ${target}\r\n${fields}\r\n`
    if (form === 'inside the tunnel' || form === 'through sni') {
      const { socket } =
        form === 'inside the tunnel'
          ? await askConnect({ port: acmetap.proxyPort, target })
          : { socket: await openTcp(acmetap.sniPort) }
      const secured = await secure(socket, { secureContext: context, servername: 'localhost' })
      statuses[name] = await statusOf(secured, bytes)
    } else {
      const { socket, status } = await askConnect({ port: acmetap.proxyPort, target }, bytes)
      socket.destroy()
      statuses[name] = String(status ?? 'closed')
    }
  }
  for (const [name, status] of Object.entries(statuses)) expect(status, name).toMatch(/^(4\d\d|closed)$/)
  expect(Object.values(statuses).filter((status) => status !== 'closed').length).toBeGreaterThan(12)
  expect(ca.requests.length).toBe(arrived)
})

function statusOf(socket: import('node:net').Socket, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    socket.once('data', (data: Buffer) => {
      resolve(data.toString('latin1', 9, 12))
      socket.destroy()
    })
    socket.once('close', () => resolve('closed'))
    socket.write(bytes)
  })
}
