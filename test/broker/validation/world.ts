/** Names and servers on loopback addresses, looked at as the broker looks at what its clients have answered. */
import { once } from 'node:events'
import { createServer as createHttp, type RequestListener } from 'node:http'
import { createServer as createHttps } from 'node:https'
import { type AddressInfo, createServer, type Server, Socket } from 'node:net'
import { createServer as createTls, type TlsOptions } from 'node:tls'
import { vi } from 'vitest'
import type { ProblemDocument } from '../../../src/acme/problem.ts'
import { diagnose } from '../../../src/audit/diagnosis/diagnose.ts'
import type { ChallengeSettings } from '../../../src/broker/endpoint.ts'
import type { ValidationRequest } from '../../../src/broker/validate.ts'
import { createValidate } from '../../../src/broker/validation/validate.ts'
import { OwnAddresses } from '../../../src/ca/own-addresses.ts'
import { answerFrom, type Respond, startZoneServer, type Zones } from '../../support/dns-zone-server.ts'

export const NAME = 'www.example.com'
export const TOKEN = 'evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA'
export const KEY_AUTHORIZATION = `${TOKEN}.9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI`
export const PATH = `/.well-known/acme-challenge/${TOKEN}`
export const PATIENCE = { dns: 150, all: 600 }
export const LOOPBACK = ['127.0.0.0/8', '::1/128']

type Handler = RequestListener | { readonly raw: (socket: Socket) => void }

export class World {
  readonly own = new OwnAddresses()
  readonly accepted = new Map<string, number>()
  readonly #closers: (() => Promise<unknown>)[] = []
  httpPort = 0
  tlsPort = 0
  resolver = ''
  zones: Zones = { [NAME]: { A: ['127.0.0.1'] } }
  respond: Respond = (asked) => answerFrom(this.zones)(asked)
  settings: Partial<ChallengeSettings> = {}

  async open(): Promise<this> {
    const dns = await startZoneServer((asked) => this.respond(asked))
    this.#closers.push(() => dns.close())
    this.resolver = `${dns.address}:${dns.port}`
    // Ports that nothing listens on until a test does.
    for (const which of ['httpPort', 'tlsPort'] as const) {
      const server = createServer().listen(0, '127.0.0.1')
      await once(server, 'listening')
      this[which] = (server.address() as AddressInfo).port
      server.close()
      await once(server, 'close')
    }
    return this
  }

  async http(handler: Handler, address = '127.0.0.1', port = this.httpPort): Promise<Server> {
    const server = 'raw' in handler ? createServer(handler.raw) : createHttp(handler)
    return this.#listen(server, address, port)
  }

  async https(handler: RequestListener, options: TlsOptions): Promise<Server> {
    return this.#listen(createHttps(options, handler), '127.0.0.1', this.tlsPort)
  }

  async tls(options: TlsOptions, address = '127.0.0.1'): Promise<Server> {
    const server = createTls(options, (socket) => socket.on('error', () => socket.destroy()))
    server.on('tlsClientError', () => undefined)
    return this.#listen(server, address, this.tlsPort)
  }

  async look(
    change: Partial<ValidationRequest> = {},
    patience = PATIENCE,
    signal = new AbortController().signal,
  ): Promise<ProblemDocument | null> {
    const settings: ChallengeSettings = {
      types: ['http-01', 'dns-01', 'tls-alpn-01'],
      httpPort: this.httpPort,
      tlsPort: this.tlsPort,
      resolvers: [this.resolver],
      from: [],
      internal: LOOPBACK,
      caa: false,
      ...this.settings,
    }
    const validate = createValidate({ own: this.own, patience })
    return validate(
      {
        identifier: { type: 'dns', value: NAME },
        wildcard: false,
        type: 'http-01',
        token: TOKEN,
        keyAuthorization: KEY_AUTHORIZATION,
        settings,
        caaIdentities: ['acme.example.net'],
        accountUrl: 'https://acme.example.net/fleet/account/a1',
        ...change,
      },
      signal,
    )
  }

  /** What is opened meanwhile is closed at the end. */
  async during<T>(act: () => Promise<T>): Promise<T> {
    const before = this.#closers.length
    try {
      return await act()
    } finally {
      for (const close of this.#closers.splice(before).reverse()) await close()
    }
  }

  async close(): Promise<void> {
    for (const close of this.#closers.reverse()) await close()
  }

  async #listen(server: Server, address: string, port: number): Promise<Server> {
    const open = new Set<Socket>()
    server.on('connection', (socket: Socket) => {
      this.accepted.set(address, (this.accepted.get(address) ?? 0) + 1)
      open.add(socket)
      socket.on('error', () => socket.destroy())
      socket.once('close', () => open.delete(socket))
    })
    server.listen(port, address)
    await once(server, 'listening')
    this.#closers.push(async () => {
      for (const socket of open) socket.destroy()
      if (!server.listening) return
      server.close()
      await once(server, 'close')
    })
    return server
  }
}

/** Where TCP connections are begun to while it acts, `address:port` each. */
export async function attemptsWhile(act: () => Promise<void>): Promise<string[]> {
  const attempts: string[] = []
  const connect = Socket.prototype.connect
  const spy = vi.spyOn(Socket.prototype, 'connect').mockImplementation(function (this: Socket, ...args) {
    this.on('connectionAttempt', (address, port) => attempts.push(`${address}:${port}`))
    return Reflect.apply(connect, this, args)
  } as typeof connect)
  try {
    await act()
  } finally {
    spy.mockRestore()
  }
  return attempts
}

/** What audit/diagnosis makes of it: `class`, and `class/inner` where another is within. */
export function diagnosed({ type, detail }: ProblemDocument, challengeType: string): string {
  const found = diagnose({
    outcome: 'response',
    operation: 'challenge',
    status: 200,
    problem: { type, detail },
    challengeType,
    wildcard: false,
    failure: null,
    rule: null,
    isPolicy: false,
    lookedHere: true,
  })
  return found?.details.inner === undefined ? (found?.class ?? '') : `${found.class}/${found.details.inner}`
}
