import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, request } from 'node:https'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Buffer
}

export interface RawPebble {
  /** `localhost:PORT`. */
  readonly authority: string
  /** PEM of its certificate, which is its own root. */
  readonly trust: string
  readonly send: Send
  stop(): Promise<void>
}

/** Sends the target as it is, over one of some kept connections. */
export type Send = (method: string, target: string, body: Buffer | null) => Promise<Answer>

/** Where Pebble looks where it validates. */
export interface PebbleLooks {
  readonly httpPort: number
  readonly tlsPort: number
  /** `address:port` of a DNS server. */
  readonly resolver: string
}

/**
 * Pebble on free ports with a certificate of its own, no refused nonces. `authorizationReuse`: how many of a hundred new orders
 * take an authorization that is valid already. Without `looks` every challenge is valid at once.
 */
export async function startRawPebble({
  authorizationReuse = 0,
  looks,
}: {
  readonly authorizationReuse?: number
  readonly looks?: PebbleLooks
} = {}): Promise<RawPebble> {
  const folder = mkdtempSync(join(tmpdir(), 'acmetap-ambiguity-'))
  const certificate = join(folder, 'cert.pem')
  const privateKey = join(folder, 'key.pem')
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
      ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'],
      ...['-keyout', privateKey, '-out', certificate],
    ],
    { stdio: 'ignore' },
  )
  const [port, management] = await freePorts(2)
  const config = {
    pebble: {
      listenAddress: `127.0.0.1:${port}`,
      managementListenAddress: `127.0.0.1:${management}`,
      certificate,
      privateKey,
      httpPort: looks?.httpPort ?? 5002,
      tlsPort: looks?.tlsPort ?? 5001,
      externalAccountBindingRequired: false,
      externalAccountMACKeys: { [EAB_KID]: EAB_KEY },
    },
  }
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config))
  const dns = looks === undefined ? [] : ['-dnsserver', looks.resolver]
  const child = spawn('pebble', ['-config', join(folder, 'config.json'), ...dns], {
    stdio: 'ignore',
    env: {
      PATH: process.env.PATH,
      PEBBLE_WFE_NONCEREJECT: '0',
      PEBBLE_VA_NOSLEEP: '1',
      PEBBLE_VA_ALWAYS_VALID: looks === undefined ? '1' : '0',
      PEBBLE_AUTHZREUSE: String(authorizationReuse),
    },
  })
  const ended = new Promise<void>((resolve, reject) => {
    child.once('exit', () => resolve())
    child.once('error', reject)
  })
  ended.catch(() => {})
  const trust = readFileSync(certificate, 'utf8')
  const authority = `localhost:${port}`
  const { send, end } = rawSender(port!, trust)
  const stop = async () => {
    end()
    child.kill('SIGKILL')
    await ended.catch(() => {})
    rmSync(folder, { recursive: true, force: true })
  }
  for (let attempt = 0; ; attempt++) {
    if (child.exitCode !== null || attempt > 800) {
      await stop()
      throw new Error('pebble did not start')
    }
    try {
      if ((await send('GET', '/dir', null)).status === 200) break
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
  return { authority, trust, send, stop }
}

/** Requests to `localhost:PORT`, whose certificate `trust` signed. */
export function rawSender(port: number, trust: string): { readonly send: Send; end(): void } {
  const agent = new Agent({ keepAlive: true, maxSockets: 16, ca: trust, servername: 'localhost' })
  const send: Send = (method, target, body) =>
    new Promise<Answer>((resolve, reject) => {
      const headers: Record<string, string | number> = {
        Host: `localhost:${port}`,
        'User-Agent': 'ambiguity',
      }
      if (body)
        Object.assign(headers, { 'Content-Type': 'application/jose+json', 'Content-Length': body.length })
      const call = request({ host: '127.0.0.1', port, method, path: target, headers, agent }, (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () =>
          resolve({ status: response.statusCode!, headers: response.headers, body: Buffer.concat(chunks) }),
        )
      })
      call.on('error', reject)
      call.end(body ?? undefined)
    })
  return { send, end: () => agent.destroy() }
}

export const EAB_KID = 'kid-1'
export const EAB_KEY = 'zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W'

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve) => {
          const server = createServer()
          server.listen(0, '127.0.0.1', () => resolve(server))
        }),
    ),
  )
  const ports = servers.map((server) => (server.address() as { port: number }).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}
