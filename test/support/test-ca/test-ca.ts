/**
 * A scriptable RFC 8555 server over TLS for tests: honest by default, wicked on command, with a log of its own
 * that tests use as truth. Like Pebble it builds every URL from the Host the client used.
 * Start here: {@link startTestCa}; behaviours are in behaviour.ts, the log in ca-log.ts.
 */
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { type Behaviour, type Match, Script, type Scripted } from './behaviour.ts'
import { CaLog, sha256 } from './ca-log.ts'
import { CaState, type Validation } from './ca-state.ts'
import { type Issuer, makeRoot, makeServerCertificate, type ServerCertificate } from './certificates.ts'
import { deliver, distort, unprocessedAnswer } from './deliver.ts'
import { answerRequest, DIRECTORY, operationOf } from './operations.ts'
import { Nonces, peekHeader } from './signed-request.ts'

export interface TestCaOptions {
  readonly port?: number
  /** `ignore` takes any nonce, so that requests can be signed beforehand. Default `strict`. */
  readonly nonces?: 'strict' | 'ignore'
  /** Append the log to this file too. */
  readonly log?: string
  /** Instead of a good certificate for `localhost` and 127.0.0.1. */
  readonly certificate?: ServerCertificate
  readonly root?: Issuer
  /** How long an idle connection stays open; default 65 s. */
  readonly keepAliveMs?: number
}

export interface TestCa {
  readonly port: number
  /** `localhost:<port>`. */
  readonly authority: string
  readonly directory: string
  /** PEM of the root its TLS certificate comes from. */
  readonly trust: string
  /** PEM of the root that issued certificates come from. */
  readonly issuer: string
  readonly log: CaLog
  readonly state: CaState
  script(match: Match, behaviour: Behaviour): Scripted
  clearScript(): void
  /** Decide validations from now on; by default all succeed. */
  validate(validation: Validation): void
  /** Close every open connection without a word. */
  dropConnections(): void
  close(): Promise<void>
}

export async function startTestCa(options: TestCaOptions = {}): Promise<TestCa> {
  const root = options.root ?? makeRoot('Test CA TLS Root')
  const certificate =
    options.certificate ?? makeServerCertificate({ names: ['localhost', '127.0.0.1', '::1'], issuer: root })
  const log = new CaLog(options.log)
  const state = new CaState(log)
  const nonces = new Nonces(options.nonces ?? 'strict')
  const script = new Script()
  const raws = new Map<string, Socket>()

  const server = createServer(
    { key: certificate.keyPem, cert: certificate.pem, keepAliveTimeout: options.keepAliveMs ?? 65_000 },
    (request, response) => {
      const raw = raws.get(peerOf(request.socket))
      const served = raw ? serve(request, response, raw) : Promise.reject(new Error('unknown connection'))
      served.catch((error: Error) => {
        log.append({ kind: 'connection', event: 'serverError', detail: String(error.stack) })
        response.destroy()
      })
    },
  )
  server.on('connection', (socket: Socket) => {
    const peer = peerOf(socket)
    raws.set(peer, socket)
    socket.once('close', () => raws.delete(peer))
  })
  for (const event of ['tlsClientError', 'clientError'] as const) {
    server.on(event, (error: Error, socket: Socket) => {
      log.append({ kind: 'connection', event, detail: error.message })
      socket.destroy()
    })
  }

  async function serve(request: IncomingMessage, response: ServerResponse, raw: Socket): Promise<void> {
    const method = request.method ?? ''
    const target = request.url ?? ''
    const host = request.headers.host ?? ''
    const operation = operationOf(target)
    const behaviour = script.pick(operation, method, target)
    const unread = behaviour?.kind === 'reset' && behaviour.when === 'before-reading'
    const body = unread ? null : await readBody(request)
    const logged = log.append({
      kind: 'request',
      method,
      target,
      host: request.headers.host ?? null,
      fields: request.rawHeaders,
      bytes: body?.length ?? 0,
      digest: body && sha256(body),
      protected: body && peekHeader(body),
      operation,
      behaviour: behaviour?.kind ?? null,
    })
    if (!body) {
      raw.resetAndDestroy()
      return
    }
    const contentType = request.headers['content-type']
    const unprocessed = behaviour && unprocessedAnswer(behaviour)
    const honest =
      unprocessed ?? answerRequest(state, nonces, { method, target, host, contentType, body, logged })
    const answer = behaviour ? await distort(honest, behaviour) : honest
    log.append({ kind: 'answer', request: logged, status: answer.status, digest: sha256(answer.body) })
    await deliver({ response, raw }, answer, behaviour)
  }

  await listen(server, options.port ?? 0)
  const { port } = server.address() as AddressInfo
  const authority = `localhost:${port}`
  const dropConnections = () => {
    for (const socket of raws.values()) socket.destroy()
  }
  return {
    port,
    authority,
    directory: `https://${authority}${DIRECTORY}`,
    trust: root.pem,
    issuer: state.root.pem,
    log,
    state,
    script: (match, behaviour) => script.add(match, behaviour),
    clearScript: () => script.clear(),
    validate(validation) {
      state.validation = validation
    },
    dropConnections,
    async close() {
      const closed = once(server, 'close')
      server.close()
      dropConnections()
      await closed
      log.close()
    },
  }
}

async function listen(server: Server, port: number): Promise<void> {
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer)
  return Buffer.concat(parts)
}

function peerOf(socket: {
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
}): string {
  return `${socket.remoteAddress} ${socket.remotePort}`
}
