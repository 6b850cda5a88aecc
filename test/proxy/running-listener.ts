/** A listener on a free port with everything it reported, for the tests beside this file. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type AcmeListener, createAcmeListener } from '../../src/proxy/listener.ts'
import type {
  AcmeListenerOptions,
  CertificateEvent,
  ConnectionEvent,
  HttpRequest,
  RequestHandler,
} from '../../src/proxy/listener-options.ts'

export interface RunningListener {
  readonly listener: AcmeListener
  readonly folder: string
  readonly port: number
  readonly root: string
  readonly events: ConnectionEvent[]
  readonly certificateEvents: CertificateEvent[]
  stop(): Promise<void>
}

/** Reads the whole body, then answers 200 with method, target, length of the body and HTTP version. */
export const echo: RequestHandler = (request, response) => {
  void wholeBody(request).then((body) => {
    if (body === null) return
    response.setHeader('content-type', 'text/plain')
    response.end(`${request.method} ${request.url} ${body.length} ${request.httpVersion}`)
  })
}

export function wholeBody(request: HttpRequest): Promise<Buffer | null> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => resolve(Buffer.concat(chunks)))
    request.on('close', () => resolve(null))
    request.on('error', () => resolve(null))
  })
}

export async function startListener(
  options: Partial<AcmeListenerOptions> = {},
  handler: RequestHandler = echo,
): Promise<RunningListener> {
  const folder = await mkdtemp(join(tmpdir(), 'acmetap-listener-'))
  const events: ConnectionEvent[] = []
  const certificateEvents: CertificateEvent[] = []
  const listener = await createAcmeListener(
    {
      address: '127.0.0.1',
      port: 0,
      names: ['localhost', 'acme.test', '127.0.0.1'],
      certificate: { from: 'ownRoot', folder },
      clientAddress: { from: 'connection', trusted: [] },
      ...options,
    },
    handler,
    {
      onConnectionEvent: (event) => events.push(event),
      onCertificateEvent: (event) => certificateEvents.push(event),
    },
  ).catch(async (error: unknown) => {
    await rm(folder, { recursive: true, force: true })
    throw error
  })
  const { port } = await listener.listen()
  return {
    listener,
    folder,
    port,
    root: listener.rootCertificate ?? '',
    events,
    certificateEvents,
    stop: async () => {
      await listener.close(0)
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Wait until `check` holds; fails the test by its own time-out when it never does. */
export async function until(check: () => boolean): Promise<void> {
  while (!check()) await new Promise((resolve) => setTimeout(resolve, 10))
}
