/** Everything the engine meets, in one network namespace: two Pebbles, name servers, web servers, services, acmetap. */
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { stringify } from 'yaml'
import { type Pebble, startPebble } from '../../src/cli/demo/pebble.ts'
import { askAdmin } from '../support/acmetap-process.ts'
import { freePort, type StartedProcess, startProcess } from '../support/child-process.ts'
import { addAddress } from '../support/namespace.ts'
import { newestPebble } from '../support/peers/newest-pebble.ts'
import { startWebServer } from '../support/peers/web-servers.ts'
import { type Ran, runMain } from '../support/run-main.ts'
import { type LabDns, startLabDns } from './dns.ts'
import { AT, RESPONDER_ZONE, siteAt, TARGET_ZONE, ZONE } from './places.ts'
import { startHttpreqService, writeAcmeSh, writeExec } from './writers.ts'

export const MAIN = path.resolve(import.meta.dirname, '..', '..', 'src', 'main.ts')
export const STATELESS = ['nginx', 'caddy', 'apache', 'haproxy'] as const

/** With a server that runs, or by the command alone. */
export type Way = 'server' | 'alone'
export const WAYS: readonly Way[] = ['server', 'alone']

export interface LabCa {
  readonly name: 'pebble' | 'newest'
  readonly pebble: Pebble
  readonly eab: { readonly keyId: string; readonly secret: string }
  /** PEM of one of its roots, as its management says. */
  root(number: number): Promise<string>
  /** A question to its management, or with a body an order. */
  manage(target: string, body?: object): Promise<string>
}

export interface Lab {
  readonly folder: string
  readonly config: string
  readonly data: string
  readonly dns: LabDns
  readonly cas: readonly LabCa[]
  readonly adminUrl: string
  /** Of the API for clients of acme-dns. */
  readonly acmeDnsUrl: string
  /** Secrets that are given to it, by what they are. */
  readonly secrets: ReadonlyMap<string, string>
  /** Everything that acmetap has written to its outputs so far. */
  readonly written: string[]
  /** The command, as somebody types it. */
  acmetap(...words: readonly string[]): Promise<Ran>
  /** Starts the server and waits until it is ready. */
  serve(): Promise<void>
  stopServing(): Promise<void>
  /** Closed with the lab, last first. */
  closeLater(close: () => Promise<unknown>): void
  close(): Promise<void>
}

export interface LabOptions {
  /** Percent of good nonces that Pebble refuses, and of valid authorizations it uses again. */
  readonly nonceReject: number
  readonly authorizationReuse: number
  /** Without it both Pebbles. */
  readonly ca?: LabCa['name'] | null
  /** Of the CA, beside its first. */
  readonly otherChains: number
  /** Sections added to the configuration. */
  readonly sections?: Readonly<Record<string, unknown>>
  readonly solvers?: readonly object[]
  /** Members of each managed certificate beside its names. */
  readonly managed?: (ca: LabCa['name']) => object
}

/** First letters, so that every name is validated for the first time. */
export const prefixOf = (ca: LabCa['name'], way: Way) => `${ca[0]}${way[0]}`
const PREFIXES = (['pebble', 'newest'] as const).flatMap((ca) => WAYS.map((way) => prefixOf(ca, way)))

/** Only inside a network namespace of its own (insideNamespace). */
export async function startLab(options: LabOptions): Promise<Lab> {
  const folder = await mkdtemp(path.join(tmpdir(), 'acmetap-engine-lab-'))
  await chmod(folder, 0o755)
  const closing: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })]
  const close = async () => {
    for (const one of closing.splice(0).reverse()) await one()
  }
  try {
    return await startedLab(folder, options, closing, close)
  } catch (error) {
    await close()
    throw error
  }
}

async function startedLab(
  folder: string,
  options: LabOptions,
  closing: (() => Promise<unknown>)[],
  close: () => Promise<void>,
): Promise<Lab> {
  const at = (name: string) => path.join(folder, name)
  const sites = (['pebble', 'newest'] as const).flatMap((ca, number) =>
    STATELESS.map((server, index) => [`${server}-${ca}`, siteAt(number, index)] as const),
  )
  for (const address of new Set([...Object.values(AT), ...sites.map(([, one]) => one)]))
    if (address !== AT.dns) addAddress(address)
  const dns = await startLabDns(
    at('dns'),
    {
      http: AT.http,
      'nginx-proxy': AT.nginxProxy,
      'caddy-proxy': AT.caddyProxy,
      webroot: AT.webroot,
      alpn: AT.alpn,
      ...Object.fromEntries(sites),
    },
    Object.fromEntries(
      PREFIXES.flatMap((prefix) => [
        [`_acme-challenge.${prefix}.alias`, `${prefix}.hop.${ZONE}`],
        [`${prefix}.hop`, `${prefix}.${TARGET_ZONE}`],
        [`_acme-challenge.${prefix}.into-own`, `${prefix}-into.${RESPONDER_ZONE}`],
        [`_acme-challenge.${prefix}.own`, `${prefix}-own.${RESPONDER_ZONE}`],
      ]),
    ),
  )
  closing.push(() => dns.stop())
  await writeFile(at('resolv.conf'), `nameserver ${AT.dns}\n`)
  execFileSync('mount', ['--bind', at('resolv.conf'), '/etc/resolv.conf'])

  const secrets = new Map<string, string>([['TSIG secret', dns.key.secret]])
  const secret = (what: string, bytes = 24) => {
    const made = randomBytes(bytes).toString('base64url')
    secrets.set(what, made)
    return made
  }
  const cas: LabCa[] = []
  for (const [number, program] of [undefined, newestPebble()].entries()) {
    const name = number === 0 ? 'pebble' : 'newest'
    if (program === null || (options.ca ?? name) !== name) continue
    const eab = { keyId: `kid-${name}`, secret: secret(`EAB key of ${name}`, 32) }
    const management = await freePort()
    const pebble = await startPebble({
      folder: at(name),
      ...(program === undefined ? {} : { program }),
      nonceReject: options.nonceReject,
      authorizationReuse: options.authorizationReuse,
      flags: ['-strict', '-dnsserver', `${AT.dns}:53`],
      environment: {
        PEBBLE_ALTERNATE_ROOTS: String(options.otherChains),
        PEBBLE_CHAIN_LENGTH: options.otherChains === 0 ? '1' : '2',
      },
      configuration: {
        managementListenAddress: `127.0.0.1:${management}`,
        httpPort: 80,
        tlsPort: 443,
        externalAccountBindingRequired: true,
        externalAccountMACKeys: { [eab.keyId]: eab.secret },
        domainBlocklist: ['blocked.lab.test'],
        profiles: {
          default: { description: 'as always', validityPeriod: 7_776_000 },
          shortlived: { description: 'six days', validityPeriod: 518_400 },
        },
      },
    })
    closing.push(() => pebble.stop())
    const manage = managementOf(management, pebble.trust)
    cas.push({ name, pebble, eab, manage, root: (root) => manage(`roots/${root}`) })
  }
  const [service, exec, acmeSh] = [
    await startHttpreqService(dns, { user: 'acmetap', password: secret('password of httpreq') }),
    await writeExec(at('exec'), dns),
    await writeAcmeSh(at('acme.sh'), dns),
  ]
  closing.push(() => service.close())
  await mkdir(at('html'))
  await chmod(at('html'), 0o755)
  const proxied = 'proxy_pass http://10.77.0.80; proxy_set_header Host $host;'
  for (const [kind, address, lines] of [
    ['nginx', AT.nginxProxy, `location /.well-known/acme-challenge/ { ${proxied} }`],
    ['caddy', AT.caddyProxy, 'handle /.well-known/acme-challenge/* {\n reverse_proxy http://10.77.0.80\n }'],
    [
      'nginx',
      AT.webroot,
      `root ${at('html')};\nlocation /.well-known/acme-challenge/ { try_files $uri =404; }`,
    ],
  ] as const) {
    const server = await startWebServer(kind, 80, lines, address)
    closing.push(() => server.stop())
  }

  const admin = await freePort()
  const api = await freePort()
  await writeFile(at('tsig.key'), `${dns.key.secret}\n`, { mode: 0o600 })
  const engineSecret = randomBytes(32)
  secrets.set('secret of the engine', engineSecret.toString('base64'))
  await writeFile(at('engine.key'), `${engineSecret.toString('base64')}\n`, { mode: 0o600 })
  const tsig = { key_name: dns.key.name, key_algorithm: dns.key.algorithm, secret_file: at('tsig.key') }
  const quick = { propagation: { interval: '100ms', timeout: '20s' } }
  const update = { rfc2136: { server: AT.dns, ...tsig }, ...quick }
  const token = secret('token of the exec program')
  const config = at('acmetap.yaml')
  await writeFile(
    config,
    stringify({
      version: 1,
      data: at('data'),
      log: { level: 'debug' },
      cas: Object.fromEntries(
        cas.map(({ name, pebble }) => [name, { directory: pebble.directory, trust: pebble.trust }]),
      ),
      listeners: { admin: { address: '127.0.0.1', port: admin } },
      engine: {
        secret_file: at('engine.key'),
        renew: false,
        accounts: cas.map(({ name, eab }) => ({
          ca: name,
          external: { key_id: eab.keyId, hmac_key: eab.secret },
        })),
        solvers: [
          { name: 'http', http: { address: AT.http, port: 80 } },
          { name: 'webroot', webroot: { folder: at('html') } },
          { name: 'stateless', stateless: {} },
          { name: 'alpn', tls_alpn: { address: AT.alpn, port: 443 } },
          { name: 'bind', ...update },
          { name: 'account', type: 'dns-account-01', ...update },
          { name: 'knot', rfc2136: { ...update.rfc2136, server: AT.knot }, ...quick },
          { name: 'own', responder: {}, ...quick },
          { name: 'exec', exec: { command: exec, environment: { TOKEN: token } }, ...quick },
          { name: 'exec-raw', exec: { command: exec, mode: 'raw', environment: { TOKEN: token } }, ...quick },
          ...(['default', 'raw'] as const).map((mode) => ({
            name: mode === 'raw' ? 'httpreq-raw' : 'httpreq',
            httpreq: { endpoint: service.url, mode, username: 'acmetap', password: service.password },
            ...quick,
          })),
          {
            name: 'acme-sh',
            acme_sh: { script: 'dns_lab', folder: acmeSh, environment: { LAB_Token: token } },
            ...quick,
          },
          { name: 'persist', persist: {}, ...quick },
          ...(options.solvers ?? []),
        ],
        challenges: [
          { names: ['.http.lab.test'], solver: 'http' },
          { names: ['.webroot.lab.test'], solver: 'webroot' },
          { names: ['.alpn.lab.test'], solver: 'alpn' },
          { names: ['.own.lab.test'], solver: 'own' },
          { names: ['.lab.test'], solver: 'bind' },
        ],
        certificates: cas.map(({ name }) => ({
          name: `managed-${name}`,
          ca: name,
          names: [`managed-${name}.http.lab.test`, `*.managed-${name}.zone.lab.test`],
          ...options.managed?.(name),
        })),
        dns: {
          address: AT.responder,
          zone: RESPONDER_ZONE,
          nameserver: `ns.${RESPONDER_ZONE}`,
          addresses: [AT.responder],
          api: { port: api, names: ['localhost'], register: ['127.0.0.0/8'] },
        },
      },
      ...options.sections,
    }),
  )
  const written: string[] = []
  let server: StartedProcess | null = null
  const stopServing = async () => {
    await server?.stop()
    server = null
  }
  closing.push(stopServing)
  const adminUrl = `http://127.0.0.1:${admin}`
  return {
    folder,
    config,
    data: at('data'),
    dns,
    cas,
    adminUrl,
    acmeDnsUrl: `https://localhost:${api}`,
    secrets,
    written,
    async acmetap(...words) {
      const ran = await runMain([...words, '--config', config], folder, { PATH: process.env.PATH ?? '' })
      written.push(ran.out, ran.err)
      return ran
    },
    async serve() {
      const started = startProcess(process.execPath, [MAIN, 'serve', '--config', config], { cwd: folder })
      server = started
      for (const stream of [started.child.stdout, started.child.stderr])
        stream?.on('data', (data: Buffer) => written.push(data.toString()))
      while ((await askAdmin(`${adminUrl}/readyz`))?.status !== 200) {
        if (started.child.exitCode !== null) throw new Error(`acmetap ended:\n${started.output()}`)
        await sleep(50)
      }
    },
    stopServing,
    closeLater: (one) => closing.push(one),
    close,
  }
}

function managementOf(port: number, trust: string): LabCa['manage'] {
  return async (target, body) =>
    execFileSync(
      'curl',
      [
        '-sSf',
        '--cacert',
        trust,
        ...(body === undefined ? [] : ['-d', '@-']),
        `https://127.0.0.1:${port}/${target}`,
      ],
      { encoding: 'utf8', ...(body === undefined ? {} : { input: JSON.stringify(body) }) },
    )
}
