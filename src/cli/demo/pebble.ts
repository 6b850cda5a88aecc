/**
 * src/cli/demo runs a whole small world on one machine: a test CA (Pebble), a client (certbot) and acmetap
 * between them. Everything lives in one folder and on loopback. Start here: the CA.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { get } from 'node:https'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { cleanEnvironment, type Daemon, needProgram, startDaemon } from './child.ts'
import { freePorts } from './free-ports.ts'
import { makeServerCertificate } from './test-certificates.ts'

export interface PebbleOptions {
  /** Where its configuration and certificates go; made when missing. */
  readonly folder: string
  /** Share of good nonces it refuses, in percent. Pebble's own default is 5. */
  readonly nonceReject?: number
  /** Share of valid authorizations it uses again, in percent; at 0 about one in a hundred still is. */
  readonly authorizationReuse?: number
  /** Accept every challenge without looking. */
  readonly alwaysValid?: boolean
  /** Further variables for Pebble (`PEBBLE_ALTERNATE_ROOTS` …). */
  readonly environment?: Readonly<Record<string, string>>
  /** Further members of the `pebble` object of its configuration file. */
  readonly configuration?: Readonly<Record<string, unknown>>
  /** Further words of its command line (`-strict`). */
  readonly flags?: readonly string[]
  /** Another Pebble than the installed one. */
  readonly program?: string
}

export interface Pebble {
  /** URL of its directory, `https://localhost:PORT/dir`. */
  readonly directory: string
  readonly port: number
  /** PEM file with the root that signed Pebble's own TLS certificate. */
  readonly trust: string
  /** URL of the DNS test server's management API (`POST set-txt` …). Every name has the address 127.0.0.1. */
  readonly dnsManagement: string
  /** Address and port of that DNS server. */
  readonly dnsServer: string
  /** Where http-01 and tls-alpn-01 answers are looked for. */
  readonly httpPort: number
  readonly tlsPort: number
  readonly pid: number
  log(): string
  /** PEM of the root its issued certificates chain to; new at every start. */
  issuingRoot(): Promise<string>
  stop(): Promise<void>
}

/** Start Pebble and its DNS test server and wait until both answer. Rejects with `ProgramMissing` or what Pebble printed. */
export async function startPebble(options: PebbleOptions): Promise<Pebble> {
  const program = options.program ?? (await needProgram('pebble'))
  const dnsProgram = await needProgram('pebble-challtestsrv', 'pebble')
  const { folder } = options
  await mkdir(folder, { recursive: true })
  const [port, management, httpPort, tlsPort, dns, dnsManagement] = (await freePorts(6)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  const tls = await makeServerCertificate(['localhost', 'pebble'], ['127.0.0.1', '::1'])
  const file = (name: string): string => path.join(folder, name)
  await writeFile(file('root.pem'), tls.root)
  await writeFile(file('certificate.pem'), tls.certificate)
  await writeFile(file('key.pem'), tls.key, { mode: 0o600 })
  const pebble = {
    listenAddress: `127.0.0.1:${port}`,
    managementListenAddress: `127.0.0.1:${management}`,
    certificate: file('certificate.pem'),
    privateKey: file('key.pem'),
    httpPort,
    tlsPort,
    ...options.configuration,
  }
  await writeFile(file('pebble.json'), JSON.stringify({ pebble }, null, 2))

  const started: Daemon[] = []
  const stop = async (): Promise<void> => {
    await Promise.all(started.map((daemon) => daemon.stop()))
  }
  try {
    const resolver = startDaemon(
      dnsProgram,
      ['-defaultIPv4', '127.0.0.1', '-defaultIPv6', '', '-dns01', `127.0.0.1:${dns}`]
        .concat(['-http01', '', '-https01', '', '-tlsalpn01', ''])
        .concat(['-management', `127.0.0.1:${dnsManagement}`]),
      { environment: cleanEnvironment(folder), folder },
    )
    started.push(resolver)
    const ca = startDaemon(
      program,
      ['-config', file('pebble.json'), '-dnsserver', `127.0.0.1:${dns}`, ...(options.flags ?? [])],
      { environment: cleanEnvironment(folder, pebbleEnvironment(options)), folder },
    )
    started.push(ca)
    const directory = `https://localhost:${port}/dir`
    await answers(ca, () => fetchText(directory, tls.root))
    await answers(resolver, () =>
      manage(`http://127.0.0.1:${dnsManagement}`, 'clear-txt', { host: 'nobody.test.' }),
    )
    return {
      directory,
      port,
      trust: file('root.pem'),
      dnsManagement: `http://127.0.0.1:${dnsManagement}`,
      dnsServer: `127.0.0.1:${dns}`,
      httpPort,
      tlsPort,
      pid: ca.pid,
      log: ca.log,
      issuingRoot: () => fetchText(`https://127.0.0.1:${management}/roots/0`, tls.root),
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

function pebbleEnvironment(options: PebbleOptions): Record<string, string> {
  return {
    // Without it Pebble waits up to 15 s before each validation.
    PEBBLE_VA_NOSLEEP: '1',
    PEBBLE_WFE_NONCEREJECT: String(options.nonceReject ?? 5),
    PEBBLE_AUTHZREUSE: String(options.authorizationReuse ?? 0),
    ...(options.alwaysValid ? { PEBBLE_VA_ALWAYS_VALID: '1' } : {}),
    ...options.environment,
  }
}

/** One call of the DNS test server's management API, such as `set-txt` with `{ host: '_acme-challenge.a.test.', value }`. */
export async function manage(
  management: string,
  call: string,
  body: Readonly<Record<string, unknown>>,
): Promise<string> {
  const answer = await fetch(`${management}/${call}`, { method: 'POST', body: JSON.stringify(body) })
  if (!answer.ok) throw new Error(`${call}: ${answer.status} ${await answer.text()}`)
  return answer.text()
}

async function answers(daemon: Daemon, ask: () => Promise<unknown>): Promise<void> {
  let ended = false
  const end = daemon.ended.then(
    () => {
      ended = true
    },
    () => {
      ended = true
    },
  )
  for (let attempt = 0; attempt < 1200 && !ended; attempt += 1) {
    const good = await ask().then(
      () => true,
      () => false,
    )
    if (good) return
    await Promise.race([sleep(50), end])
  }
  throw new Error(`the test CA did not start:\n${daemon.log().split('\n').slice(-10).join('\n')}`)
}

function fetchText(url: string, ca: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get(
      url,
      { ca, agent: false, family: 4, headers: { 'User-Agent': 'acmetap-demo' } },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () =>
          response.statusCode === 200
            ? resolve(Buffer.concat(chunks).toString('utf8'))
            : reject(new Error(`${url}: ${response.statusCode}`)),
        )
      },
    )
    request.on('error', reject)
  })
}
