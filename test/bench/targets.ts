/** What the same load is sent through. Each is started once and lives through all rounds. */
import { chmodSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Acmetap, acmetapMain, askAdmin, startAcmetap } from '../support/acmetap-process.ts'
import { findProgram, firstJsonLine, freePort, listening, startProcess } from '../support/child-process.ts'
import { startIntercepting } from '../support/intercepting-acmetap.ts'
import type { LoadKind } from './load-generator-process.ts'

export interface Stub {
  readonly port: number
  /** PEM of the root of its certificate, and the file it is in. */
  readonly trust: string
  readonly trustFile: string
  /** Certificate and key files for `localhost` of the same root, for proxies' own listeners. */
  readonly certificateFile: string
  readonly keyFile: string
}

export interface Target {
  readonly name: string
  /** Its own port, or that of the proxy it is. */
  readonly port: number
  /** It is a proxy that clients CONNECT through to the CA itself. */
  readonly proxy: boolean
  readonly loads: readonly LoadKind[]
  /** Path of the directory that issuances begin with. */
  readonly directory?: string
  readonly trust: string
  /** Process whose CPU and memory are counted; null for none. */
  readonly pid: number | null
  /** Sees what it forwards, so that every request must be new to it. */
  readonly reads: boolean
  /** Event-loop lag p99 since the last call, seconds; null where there is none to read. */
  lag(): Promise<number | null>
  stop(): Promise<void>
}

/** Why a target is not in the table. */
export class Missing extends Error {}

type Start = (stub: Stub, folder: string, options: { profile: boolean }) => Promise<Target>

/** Directories that issuances begin with: the CA's, and that of a broker's label. */
const ISSUING = '/issuing/directory'
const BROKER = '/fleet/~bench/directory'

export const TARGETS: Readonly<Record<string, Start>> = {
  direct: async (stub) => ({
    name: 'direct',
    port: stub.port,
    proxy: false,
    loads: ['requests', 'sessions', 'issuances', 'runs'],
    directory: ISSUING,
    trust: stub.trust,
    pid: null,
    reads: false,
    lag: async () => null,
    stop: async () => undefined,
  }),
  nginx: startNginx,
  mitmproxy: startReverseMitmproxy,
  acmetap: async (stub, folder, { profile }) =>
    startOurs('acmetap', stub, folder, ourCommand(folder, profile)),
  // The one place that knows how the pipeline is started over a bare undici forward.
  'acmetap-bare': (stub, folder) =>
    startOurs('acmetap-bare', stub, folder, [
      process.execPath,
      join(import.meta.dirname, 'acmetap-bare-process.ts'),
    ]),
  tunnel: startBlindTunnel,
  'mitmproxy-intercept': startRegularMitmproxy,
  'acmetap-intercept': startOurIntercept,
  'acmetap-relay': async (stub, folder, { profile }) =>
    startIssuing('acmetap-relay', ISSUING, {}, stub, folder, ourCommand(folder, profile)),
  'acmetap-broker': async (stub, folder, { profile }) =>
    startIssuing(
      'acmetap-broker',
      BROKER,
      await brokerOver(['test']),
      stub,
      folder,
      ourCommand(folder, profile),
    ),
  'acmetap-broker-local': async (stub, folder, { profile }) =>
    startIssuing(
      'acmetap-broker-local',
      BROKER,
      await brokerOver(['home']),
      stub,
      folder,
      ourCommand(folder, profile),
    ),
}

/** The two that are compared in intercept mode, and by how much ours is asked to be better. */
export const INTERCEPT_COMPARISON = { ours: 'acmetap-intercept', theirs: 'mitmproxy-intercept', asked: 3 }

async function startNginx(stub: Stub, folder: string): Promise<Target> {
  const program = findProgram('nginx')
  if (!program) throw new Missing('nginx is not installed (Debian: nginx-light)')
  const port = await freePort()
  const config = join(folder, 'nginx.conf')
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  await writeFile(
    config,
    `daemon off; pid ${folder}/nginx.pid; error_log stderr error; worker_processes 1;
${process.getuid?.() === 0 ? 'user root;' : ''}
events { worker_connections 1024; }
http {
  access_log off;
  ${temporary.map((kind) => `${kind}_temp_path ${folder}/${kind};`).join('\n  ')}
  keepalive_requests 100000000;
  upstream ca { server 127.0.0.1:${stub.port}; keepalive 64; keepalive_requests 100000000; }
  server {
    listen 127.0.0.1:${port} ssl;
    ssl_certificate ${stub.certificateFile}; ssl_certificate_key ${stub.keyFile};
    location / {
      proxy_pass https://ca; proxy_http_version 1.1;
      proxy_set_header Connection ""; proxy_set_header Host $http_host;
      proxy_ssl_verify on; proxy_ssl_trusted_certificate ${stub.trustFile};
      proxy_ssl_name localhost; proxy_ssl_server_name on;
    }
  }
}
`,
  )
  const started = startProcess(program, ['-e', 'stderr', '-p', folder, '-c', config], { cwd: folder })
  await listening(port, started)
  return {
    name: 'nginx',
    port,
    proxy: false,
    loads: ['requests'],
    trust: stub.trust,
    pid: started.pid,
    reads: false,
    lag: async () => null,
    stop: () => started.stop(),
  }
}

async function startReverseMitmproxy(stub: Stub, folder: string): Promise<Target> {
  const own = await ownFolder(folder, 'mitmproxy')
  const bundle = join(own, 'listener.pem')
  await writeFile(
    bundle,
    `${await readFile(stub.keyFile, 'utf8')}${await readFile(stub.certificateFile, 'utf8')}`,
  )
  const mode = ['--mode', `reverse:https://localhost:${stub.port}`, '--certs', `*=${bundle}`]
  const started = await startMitmproxy(stub, own, [...mode, '--set', 'keep_host_header=true'])
  return { ...started, name: 'mitmproxy', proxy: false, loads: ['requests'], trust: stub.trust }
}

async function startRegularMitmproxy(stub: Stub, folder: string): Promise<Target> {
  const own = await ownFolder(folder, 'mitmproxy-intercept')
  const started = await startMitmproxy(stub, own, ['--mode', 'regular'])
  const trust = await readFile(join(own, 'mitmproxy-ca-cert.pem'), 'utf8')
  return { ...started, name: 'mitmproxy-intercept', proxy: true, loads: ['requests', 'sessions'], trust }
}

async function startMitmproxy(stub: Stub, folder: string, args: readonly string[]) {
  const program = findProgram('mitmdump')
  if (!program) throw new Missing('mitmdump is not installed (Debian: mitmproxy)')
  const port = await freePort()
  const settings = [`ssl_verify_upstream_trusted_ca=${stub.trustFile}`, `confdir=${folder}`, 'http2=false']
  const started = startProcess(
    program,
    [
      '-q',
      ...['--listen-host', '127.0.0.1', '--listen-port', String(port)],
      ...args,
      ...settings.flatMap((setting) => ['--set', setting]),
    ],
    { cwd: folder },
  )
  await listening(port, started)
  return { port, pid: started.pid, reads: false, lag: async () => null, stop: () => started.stop() }
}

async function startBlindTunnel(stub: Stub): Promise<Target> {
  const started = startProcess(process.execPath, [join(import.meta.dirname, 'blind-tunnel-process.ts')])
  const { port } = await firstJsonLine<{ port: number }>(started)
  return {
    name: 'tunnel',
    port,
    proxy: true,
    loads: ['requests', 'sessions'],
    trust: stub.trust,
    pid: started.pid,
    reads: false,
    lag: async () => null,
    stop: () => started.stop(),
  }
}

async function ownFolder(folder: string, name: string): Promise<string> {
  const own = join(folder, name)
  await mkdir(own, { recursive: true })
  chmodSync(own, 0o700)
  return own
}

async function startOurs(
  name: string,
  stub: Stub,
  folder: string,
  command: readonly string[],
): Promise<Target> {
  const acmetap = await startAcmetap(await ourOptions(name, stub, folder, command)).catch(notThere)
  return {
    ...ourTarget(acmetap),
    name,
    port: acmetap.ports.acme,
    proxy: false,
    loads: ['requests'],
    trust: acmetap.trust,
  }
}

/** acmetap in front of the CA that issues. */
async function startIssuing(
  name: string,
  directory: string,
  sections: Readonly<Record<string, unknown>>,
  stub: Stub,
  folder: string,
  command: readonly string[],
): Promise<Target> {
  const options = await ourOptions(name, stub, folder, command)
  const issuing = { ...options, directory: `https://localhost:${stub.port}${ISSUING}`, sections }
  const acmetap = await startAcmetap(issuing).catch(notThere)
  if ('local_cas' in sections) await makeLocalCa(command, join(options.folder, 'acmetap.yaml'))
  return {
    ...ourTarget(acmetap),
    name,
    port: acmetap.ports.acme,
    proxy: false,
    loads: ['issuances', 'runs'],
    directory,
    trust: acmetap.trust,
  }
}

/** By the running server. */
async function makeLocalCa(command: readonly string[], config: string): Promise<void> {
  const [program = '', ...words] = command.slice(0, -1)
  const made = startProcess(program, [...words, 'local-ca', 'create', 'home', '--config', config])
  if ((await made.ended) !== 0) throw new Error(`local-ca create: ${made.output()}`)
}

/** Whoever calls by the label may have the names: its authorizations are valid at once. */
async function brokerOver(cas: readonly string[]) {
  const label = { name: 'bench', names: ['.bench.test'], from: ['127.0.0.0/8'] }
  return {
    relay: [],
    local_cas: { home: { names: ['.bench.test'] } },
    broker: [{ name: 'fleet', cas, proof: 'policy', eab: 'optional', labels: [label] }],
    engine: {
      accounts: [{ ca: 'test', agree_terms: true }],
      solvers: [{ name: 'web', http: { address: '127.0.0.1', port: await freePort() } }],
    },
  }
}

async function startOurIntercept(
  stub: Stub,
  folder: string,
  { profile }: { profile: boolean },
): Promise<Target> {
  const name = 'acmetap-intercept'
  const command = ourCommand(folder, profile)
  const acmetap = await startIntercepting(await ourOptions(name, stub, folder, command)).catch(notThere)
  return {
    ...ourTarget(acmetap),
    name,
    port: acmetap.proxyPort,
    proxy: true,
    loads: ['requests', 'sessions'],
    trust: acmetap.interceptionRoot,
  }
}

function ourCommand(folder: string, profile: boolean): readonly string[] {
  const main = acmetapMain()
  if (main === null) throw new Missing('acmetap is not built')
  const flags = profile ? ['--cpu-prof', `--cpu-prof-dir=${folder}`] : []
  return [process.execPath, ...flags, main, 'serve']
}

async function ourOptions(name: string, stub: Stub, folder: string, command: readonly string[]) {
  const own = await ownFolder(folder, name)
  return { folder: own, directory: `https://localhost:${stub.port}/directory`, trust: stub.trust, command }
}

function notThere(error: Error): never {
  throw new Missing(error.message)
}

function ourTarget(acmetap: Acmetap) {
  return {
    pid: acmetap.pid,
    reads: true,
    async lag() {
      const metrics = await askAdmin(`${acmetap.adminUrl}/metrics`)
      const own = /^acmetap_event_loop_lag_seconds\{[^}]*percentile="99"[^}]*\} (\S+)/m.exec(
        metrics?.body ?? '',
      )
      const nodes = /^nodejs_eventloop_lag_p99_seconds (\S+)/m.exec(metrics?.body ?? '')
      const found = own?.[1] ?? nodes?.[1]
      return found === undefined ? null : Number(found)
    },
    stop: () => acmetap.stop(),
  }
}
