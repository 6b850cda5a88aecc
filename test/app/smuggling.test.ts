/** Requests with two readings (N5), through the whole server to a CA that keeps every byte it gets. */
import { mkdtemp, rm } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSecureContext, type SecureContext } from 'node:tls'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type InterceptingAcmetap, startIntercepting } from '../support/intercepting-acmetap.ts'
import { type RawCa, startRawCa } from '../support/raw-ca.ts'
import { directoryOrOk, runSmuggling } from '../support/smuggling-run.ts'
import { askConnect, openTcp, secure } from '../support/tunnel-client.ts'

let folder: string
let ca: RawCa
let acmetap: InterceptingAcmetap
let context: SecureContext

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'smuggling-'))
  ca = await startRawCa()
  ca.answerWith(directoryOrOk)
  acmetap = await startIntercepting({
    folder,
    directory: `https://localhost:${ca.port}/dir`,
    trust: ca.trust,
  })
  context = createSecureContext({ ca: [acmetap.trust, acmetap.interceptionRoot] })
}, 60_000)

afterAll(async () => {
  await acmetap?.stop()
  await ca?.close()
  await rm(folder, { recursive: true, force: true })
})

const inside = (socket: Socket) => secure(socket, { secureContext: context, servername: 'localhost' })
const throughTunnel = async () => {
  const { socket, status } = await askConnect({ port: acmetap.proxyPort, target: `localhost:${ca.port}` })
  expect(status).toBe(200)
  return inside(socket)
}

test.for([
  ['relay', () => acmetap.authority, async () => inside(await openTcp(acmetap.ports.acme))],
  ['tunnel', () => `localhost:${ca.port}`, throughTunnel],
  ['sni', () => `localhost:${ca.port}`, async () => inside(await openTcp(acmetap.sniPort))],
] as const)(
  '%s: every byte at the CA belongs to exactly one accepted request',
  async ([, authority, open]) => {
    ca.requests.length = 0
    const report = await runSmuggling(ca, authority(), open)
    expect(report.violations).toEqual([])
    expect(report.cases).toBeGreaterThan(300)
    // The odd but clear ones are not all refused, and honest ones follow them: the table does reach the CA.
    expect(report.passedOn).toBeGreaterThan(10)
    expect(report.answered).toBe(report.arrived)
  },
)

/** What stands before the TLS inside; the second says whether a handshake may follow. */
const CONNECTS: readonly (readonly [name: string, head: (ca: string) => string, fits: boolean])[] = [
  ['as it should be', (to) => `CONNECT ${to} HTTP/1.1\r\nHost: ${to}\r\n\r\n`, true],
  ['HTTP/1.0 without Host', (to) => `CONNECT ${to} HTTP/1.0\r\n\r\n`, true],
  ['Content-Length: 0', (to) => `CONNECT ${to} HTTP/1.1\r\nHost: ${to}\r\nContent-Length: 0\r\n\r\n`, true],
  ['a length', (to) => `CONNECT ${to} HTTP/1.1\r\nHost: ${to}\r\nContent-Length: 5\r\n\r\nhello`, false],
  [
    'two lengths',
    (to) => `CONNECT ${to} HTTP/1.1\r\nHost: ${to}\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\n`,
    false,
  ],
  [
    'chunked',
    (to) => `CONNECT ${to} HTTP/1.1\r\nHost: ${to}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    false,
  ],
  [
    'both',
    (to) =>
      `CONNECT ${to} HTTP/1.1\r\nHost: ${to}\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n`,
    false,
  ],
  ['two Hosts', (to) => `CONNECT ${to} HTTP/1.1\r\nHost: ${to}\r\nHost: ${to}\r\n\r\n`, false],
  ['no Host', (to) => `CONNECT ${to} HTTP/1.1\r\n\r\n`, false],
  ['a folded field', (to) => `CONNECT ${to} HTTP/1.1\r\nHost: ${to}\r\nX: y\r\n z\r\n\r\n`, false],
  ['LF everywhere', (to) => `CONNECT ${to} HTTP/1.1\nHost: ${to}\n\n`, false],
  ['no version', (to) => `CONNECT ${to}\r\nHost: ${to}\r\n\r\n`, false],
  ['HTTP/0.9', (to) => `CONNECT ${to} HTTP/0.9\r\nHost: ${to}\r\n\r\n`, false],
  ['HTTP/2.0', (to) => `CONNECT ${to} HTTP/2.0\r\nHost: ${to}\r\n\r\n`, false],
  ['a word after the version', (to) => `CONNECT ${to} HTTP/1.1 x\r\nHost: ${to}\r\n\r\n`, false],
  ['a scheme', (to) => `CONNECT https://${to} HTTP/1.1\r\nHost: ${to}\r\n\r\n`, false],
  ['a path', (to) => `CONNECT ${to}/ HTTP/1.1\r\nHost: ${to}\r\n\r\n`, false],
  ['userinfo', (to) => `CONNECT a@${to} HTTP/1.1\r\nHost: ${to}\r\n\r\n`, false],
  ['two targets', (to) => `CONNECT ${to} ${to} HTTP/1.1\r\nHost: ${to}\r\n\r\n`, false],
  ['no port', () => 'CONNECT localhost HTTP/1.1\r\nHost: localhost\r\n\r\n', false],
  [
    'zeros before the port',
    (to) => `CONNECT ${to.replace(':', ':0')} HTTP/1.1\r\nHost: ${to}\r\n\r\n`,
    false,
  ],
  ['a port beyond 65535', () => 'CONNECT localhost:65979 HTTP/1.1\r\nHost: localhost\r\n\r\n', false],
  ['NUL after the name', (to) => `CONNECT ${to.replace(':', '\0:')} HTTP/1.1\r\nHost: ${to}\r\n\r\n`, false],
  ['a path only', () => 'CONNECT / HTTP/1.1\r\nHost: localhost\r\n\r\n', false],
  ['nothing', () => 'CONNECT  HTTP/1.1\r\nHost: localhost\r\n\r\n', false],
  ['lower case', (to) => `connect ${to} HTTP/1.1\r\nHost: ${to}\r\n\r\n`, false],
  [
    'after a request without an answer yet',
    (to) => `GET http://${to}/ HTTP/1.1\r\nHost: ${to}\r\n\r\nCONNECT ${to} HTTP/1.1\r\nHost: ${to}\r\n\r\n`,
    false,
  ],
]

test.for(CONNECTS)('CONNECT with %s', async ([, head, fits]) => {
  const target = `localhost:${ca.port}`
  const before = ca.connections()
  const { socket, status, text } = await askConnect({ port: acmetap.proxyPort, target }, head(target))
  if (!fits) {
    expect(status === null || (status >= 400 && status < 600), text).toBe(true)
    await new Promise((resolve) => (socket.closed ? resolve(null) : socket.resume().once('close', resolve)))
    expect(ca.connections()).toBe(before)
    return
  }
  expect(status).toBe(200)
  expect(text).toMatch(
    /^HTTP\/1\.[01] 200 [^\r]*\r\n(?:(?!content-length|transfer-encoding)[^\r]+\r\n)*\r\n$/i,
  )
  const secured = await inside(socket)
  const answered = new Promise((resolve) => secured.once('data', resolve))
  secured.write(`GET /after HTTP/1.1\r\nHost: ${target}\r\n\r\n`)
  expect(String(await answered)).toContain('200 OK')
  secured.destroy()
})

test('what follows CONNECT at once is the beginning of the TLS inside, and nothing else', async () => {
  const target = `localhost:${ca.port}`
  const arrived = ca.requests.length
  const { socket } = await askConnect(
    { port: acmetap.proxyPort, target },
    `CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: ${target}\r\n\r\n`,
  )
  await new Promise((resolve) => (socket.closed ? resolve(null) : socket.resume().once('close', resolve)))
  expect(ca.requests.slice(arrived).map(({ head }) => head)).toEqual([])
})
