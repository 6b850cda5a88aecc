/**
 * The benchmark's CA: fixed ACME answers over TLS, HTTP/1.1 keep-alive, nothing verified, as few instructions as
 * Node allows, so that what is measured is what stands before it. Below /issuing is a CA that issues; /asked says how many
 * requests there were. Its own process:
 * `node test/bench/stub-ca-process.ts CERTIFICATE KEY` prints a JSON line with its port.
 */
import { readFileSync } from 'node:fs'
import type { AddressInfo, Socket } from 'node:net'
import { createServer } from 'node:tls'
import { IssuingCa } from './issuing-ca.ts'

const HEAD_END = Buffer.from('\r\n\r\n')
const [certificate = '', key = ''] = process.argv.slice(2)
const chain = `${readFileSync(certificate, 'utf8')}${readFileSync(certificate, 'utf8')}`
const issuing = new IssuingCa()
let orders = 0
let asked = 0

const server = createServer(
  { cert: readFileSync(certificate), key: readFileSync(key), ALPNProtocols: ['http/1.1'] },
  (socket) => {
    let waiting: Buffer = Buffer.alloc(0)
    socket.setNoDelay(true)
    socket.on('error', () => socket.destroy())
    socket.on('data', (data: Buffer) => {
      waiting = waiting.length === 0 ? data : Buffer.concat([waiting, data])
      for (;;) {
        const end = waiting.indexOf(HEAD_END)
        if (end < 0) return
        const head = waiting.toString('latin1', 0, end)
        const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0)
        if (/\r\ntransfer-encoding:/i.test(head)) return refuse(socket)
        if (waiting.length < end + 4 + length) return
        const body = waiting.toString('latin1', end + 4, end + 4 + length)
        waiting = waiting.subarray(end + 4 + length)
        socket.write(answerTo(head, body), 'latin1')
      }
    })
  },
)
server.listen(0, '127.0.0.1', () =>
  console.log(JSON.stringify({ port: (server.address() as AddressInfo).port })),
)
process.once('SIGTERM', () => process.exit(0))

function answerTo(head: string, body: string): string {
  const target = head.slice(head.indexOf(' ') + 1, head.indexOf(' ', head.indexOf(' ') + 1))
  const base = `https://${/\r\nhost: *([^\r]*)/i.exec(head)?.[1] ?? 'localhost'}`
  const [, kind = '', id = ''] = target.split('/')
  if (kind !== 'asked') asked++
  switch (kind) {
    case 'asked':
      return message(200, String(asked), '', false)
    case 'issuing': {
      const answer = issuing.answerTo(`${base}/issuing`, target.slice('/issuing/'.length), body)
      return message(answer.status, answer.body, answer.fields ?? '', id !== 'directory', answer.type)
    }
    case 'directory':
      return message(200, directory(base), '', false)
    case 'new-nonce':
      return message(204, '', '', true)
    case 'new-account':
      return message(201, '{"status":"valid"}', `Location: ${base}/account/1\r\n`, true)
    case 'account':
      return message(200, '{"status":"valid","contact":[]}', '', true)
    case 'new-order': {
      const made = (++orders).toString()
      return message(201, order(base, made), `Location: ${base}/order/${made}\r\n`, true)
    }
    case 'order':
    case 'finalize':
      return message(200, order(base, id), '', true)
    case 'authz':
      return message(200, authorization(base, id), '', true)
    case 'challenge':
      return message(200, challenge(base, id), `Link: <${base}/authz/${id}>;rel="up"\r\n`, true)
    case 'certificate':
      return message(200, chain, '', true, 'application/pem-certificate-chain')
    default:
      return message(404, '{"type":"about:blank"}', '', true, 'application/problem+json')
  }
}

let nonces = 0

function message(
  status: number,
  body: string,
  fields: string,
  nonce: boolean,
  type = 'application/json',
): string {
  const replay = nonce ? `Replay-Nonce: stub${(++nonces).toString(36).padStart(18, '0')}\r\n` : ''
  const content =
    status === 204 ? '' : `Content-Type: ${type}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`
  return `HTTP/1.1 ${status} Stub\r\n${content}Cache-Control: no-store\r\n${replay}${fields}\r\n${body}`
}

function refuse(socket: Socket): void {
  socket.end('HTTP/1.1 411 Length Required\r\nContent-Length: 0\r\n\r\n')
}

function directory(base: string): string {
  return JSON.stringify({
    newNonce: `${base}/new-nonce`,
    newAccount: `${base}/new-account`,
    newOrder: `${base}/new-order`,
    revokeCert: `${base}/revoke-cert`,
    keyChange: `${base}/key-change`,
  })
}

function order(base: string, id: string): string {
  return `{"status":"valid","expires":"2099-01-01T00:00:00Z","identifiers":[{"type":"dns","value":"bench.test"}],"authorizations":["${base}/authz/${id}"],"finalize":"${base}/finalize/${id}","certificate":"${base}/certificate/${id}"}`
}

function authorization(base: string, id: string): string {
  return `{"status":"valid","expires":"2099-01-01T00:00:00Z","identifier":{"type":"dns","value":"bench.test"},"challenges":[${challenge(base, id)}]}`
}

function challenge(base: string, id: string): string {
  return `{"type":"http-01","status":"valid","url":"${base}/challenge/${id}","token":"c3R1Yi10b2tlbi1mb3ItdGhlLWJlbmNobWFyaw"}`
}
