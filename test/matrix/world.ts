import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { stringify } from 'yaml'
import { manage, type Pebble, type PebbleOptions, startPebble } from '../../src/cli/demo/pebble.ts'
import { makeServerCertificate } from '../../src/cli/demo/test-certificates.ts'
import { serveFolder } from '../../src/cli/demo/web-server.ts'
import { acmetapMain, askAdmin } from '../support/acmetap-process.ts'
import { type StartedProcess, startProcess } from '../support/child-process.ts'
import { addAddress, layHosts, writeHosts } from '../support/namespace.ts'
import { startTap, type Tap } from '../support/tap.ts'
import { until } from './until.ts'

export type Mode = 'relay' | 'intercept' | 'sni' | 'broker'
export const MODES: readonly Mode[] = ['relay', 'intercept', 'sni', 'broker']

export const CA_NAME = 'ca.acme.test'
export const ACMETAP_NAME = 'acmetap.test'
const DNS_API_NAME = 'dns-api.test'

/** Addresses inside the namespace. The DNS API has one that looks public, as the real ones have. */
export const AT = { ca: '10.77.0.10', acmetap: '10.77.0.20', dnsApi: '4.4.4.4' } as const
export const PORTS = { acme: 8443, proxy: 3128, admin: 9080 } as const

export interface World {
  readonly folder: string
  readonly pebble: Pebble
  /** What the CA got. */
  readonly tap: Tap
  readonly acmetap: StartedProcess
  /** Ends acmetap with a signal and starts it again. */
  restart(signal: NodeJS.Signals): Promise<void>
  /** acmetap's configuration file. */
  readonly config: string
  /** Served where the CA looks for http-01 answers. */
  readonly webroot: string
  /** Where clients put their answers to challenges. */
  readonly answers: Answers
  readonly dnsApi: { readonly url: string; readonly trust: string }
  /** The directory's URL as a client of that mode knows it. */
  directory(mode: Mode): string
  /** PEM file for a client of that mode; with `proxy` it covers an `https://` proxy's certificate too. */
  trust(mode: Mode, proxy?: boolean): string
  /** The hosts file of such a client. */
  hosts(mode: Mode): string
  close(): Promise<void>
}

/** Where answers to challenges are looked for: at these ports of names that this DNS server knows. */
export interface Answers {
  /** A web server on `httpPort` of 127.0.0.1 serves it. */
  readonly webroot: string
  readonly httpPort: number
  readonly tlsPort: number
  readonly dnsManagement: string
  readonly dnsServer: string
}

/** What a world may have beyond the usual. */
export interface Beyond {
  readonly pebble?: Partial<PebbleOptions>
  /** Further names under which clients reach acmetap. */
  readonly names?: readonly string[]
  /** Beside acmetap's configuration: texts by name. */
  readonly files?: Readonly<Record<string, string>>
  /** Changes acmetap's configuration before it is written. */
  readonly configure?: (usual: Record<string, unknown>, pebble: Pebble) => Record<string, unknown>
  /** Where clients' answers go, if the CA does not look for them itself. */
  readonly answers?: Answers
}

/**
 * A CA, acmetap before it in every mode of `modes`, a web server and a DNS server for challenge answers, a DNS API
 * behind TLS. Only inside a namespace ({@link file://./../support/namespace.ts}).
 */
export async function startWorld(modes: readonly Mode[], beyond: Beyond = {}): Promise<World> {
  const folder = await mkdtemp(path.join(tmpdir(), 'matrix-'))
  // Some clients give up root's rights.
  await chmod(folder, 0o755)
  const file = (name: string): string => path.join(folder, name)
  const closing: (() => unknown)[] = [() => rm(folder, { recursive: true, force: true })]
  const close = async (): Promise<void> => {
    for (const end of closing.splice(0).reverse()) await end()
  }
  try {
    const further = Object.fromEntries((beyond.names ?? []).map((name) => [name, AT.acmetap]))
    // The CA's name leads acmetap to itself, as in a network that does so for everyone: the configuration knows better.
    layHosts(file('hosts'), {
      [ACMETAP_NAME]: AT.acmetap,
      [CA_NAME]: AT.acmetap,
      [DNS_API_NAME]: AT.dnsApi,
      ...further,
    })
    writeHosts(file('hosts-relay'), { [ACMETAP_NAME]: AT.acmetap, ...further })
    // In intercept the CA's own address: who does not use the proxy gets there, and does not trust what it finds.
    writeHosts(file('hosts-intercept'), { [ACMETAP_NAME]: AT.acmetap, [CA_NAME]: AT.ca })
    writeHosts(file('hosts-sni'), { [CA_NAME]: AT.acmetap })
    const pebble = await startPebble({ folder: file('pebble'), nonceReject: 0, ...beyond.pebble })
    closing.push(() => pebble.stop())
    const tap = await startTap(pebble, { address: AT.ca, port: 443, names: [CA_NAME] })
    closing.push(() => tap.close())
    await writeFile(file('ca.pem'), tap.root)
    const webroot = file('web')
    await mkdir(path.join(webroot, '.well-known', 'acme-challenge'), { recursive: true })
    const web = await serveFolder(webroot, pebble.httpPort)
    closing.push(() => web.close())
    const dnsApi = await startDnsApi(pebble.dnsManagement)
    closing.push(() => dnsApi.close())
    await writeFile(file('dns-api.pem'), dnsApi.root)
    for (const [name, text] of Object.entries(beyond.files ?? {})) await writeFile(file(name), text)
    let acmetap = await startAcmetap(folder, modes, pebble, beyond)
    closing.push(() => acmetap.stop())
    await gatherTrust(folder, modes)
    return {
      folder,
      pebble,
      tap,
      get acmetap() {
        return acmetap
      },
      async restart(signal) {
        await acmetap.stop(signal)
        acmetap = await startAcmetap(folder, modes, pebble, beyond)
      },
      webroot,
      answers: beyond.answers ?? { ...pebble, webroot },
      config: file('acmetap.yaml'),
      dnsApi: { url: `https://${DNS_API_NAME}`, trust: file('dns-api.pem') },
      directory: (mode) =>
        mode === 'relay' || mode === 'broker'
          ? `https://${ACMETAP_NAME}:${PORTS.acme}/dir`
          : `https://${CA_NAME}/dir`,
      trust: (mode, proxy = false) =>
        file(
          mode === 'relay' || mode === 'broker' ? 'listener.pem' : proxy ? 'both.pem' : 'interception.pem',
        ),
      hosts: (mode) => file(mode === 'broker' ? 'hosts-relay' : `hosts-${mode}`),
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

function configuration(modes: readonly Mode[], { names = [] }: Beyond): Record<string, unknown> {
  const { acmetap: address } = AT
  const relay = modes.includes('relay')
  const intercepts = modes.includes('intercept') || modes.includes('sni')
  return {
    version: 1,
    data: './data',
    log: { level: 'warn' },
    cas: {
      test: {
        directory: `https://${CA_NAME}/dir`,
        trust: './ca.pem',
        addresses: [AT.ca],
        preset: 'pebble',
      },
    },
    listeners: {
      acme: { address, port: PORTS.acme, names: [ACMETAP_NAME, ...names] },
      admin: { address: '127.0.0.1', port: PORTS.admin },
      ...(intercepts ? { proxy: { address, port: PORTS.proxy, names: [ACMETAP_NAME] } } : {}),
      ...(modes.includes('sni') ? { sni: { address, port: 443 } } : {}),
    },
    ...(relay ? { relay: [{ host: `${ACMETAP_NAME}:${PORTS.acme}`, ca: 'test' }] } : {}),
    ...(intercepts ? { intercept: { cas: ['test'], other_hosts: [DNS_API_NAME] } } : {}),
  }
}

async function startAcmetap(
  folder: string,
  modes: readonly Mode[],
  pebble: Pebble,
  beyond: Beyond,
): Promise<StartedProcess> {
  const main = acmetapMain()
  if (main === null) throw new Error('acmetap is not built: neither dist/main.js nor src/main.ts')
  const config = path.join(folder, 'acmetap.yaml')
  const { configure = (usual) => usual } = beyond
  await writeFile(config, stringify(configure(configuration(modes, beyond), pebble)))
  const started = startProcess(process.execPath, [main, 'serve', '--config', config], { cwd: folder })
  let code: number | string | null = null
  void started.ended.then((ended) => {
    code = ended
  })
  try {
    await until(async () => {
      if (code !== null) throw new Error(`it ended with ${code}`)
      return (await askAdmin(`http://127.0.0.1:${PORTS.admin}/readyz`))?.status === 200
    }, 120)
  } catch (error) {
    await started.stop('SIGKILL')
    throw new Error(`acmetap did not start: ${(error as Error).message}\n${started.output()}`)
  }
  return started
}

async function gatherTrust(folder: string, modes: readonly Mode[]): Promise<void> {
  const file = (name: string): string => path.join(folder, name)
  const listener = await readFile(file('data/listener-root.pem'), 'utf8')
  await writeFile(file('listener.pem'), listener)
  if (!modes.includes('intercept') && !modes.includes('sni')) return
  const answer = await askAdmin(`http://${AT.acmetap}:${PORTS.proxy}/root.pem`)
  if (answer?.status !== 200) throw new Error(`GET /root.pem: ${answer?.status ?? 'no answer'}`)
  await writeFile(file('interception.pem'), answer.body)
  await writeFile(file('both.pem'), `${answer.body}\n${listener}`)
}

/** `POST /present` and `/cleanup` with `{fqdn, value}`, as lego's `httpreq` speaks to DNS services. */
async function startDnsApi(management: string): Promise<{ root: string; close(): Promise<void> }> {
  const tls = await makeServerCertificate([DNS_API_NAME], [])
  const server = createServer({ cert: tls.certificate, key: tls.key }, (request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const { fqdn: host, value } = JSON.parse(Buffer.concat(parts).toString() || '{}')
      const call = request.url === '/present' ? 'set-txt' : 'clear-txt'
      manage(management, call, { host, value }).then(
        () => response.end(),
        () => response.writeHead(500).end(),
      )
    })
  })
  addAddress(AT.dnsApi)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(443, AT.dnsApi, resolve)
  })
  return {
    root: tls.root,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
