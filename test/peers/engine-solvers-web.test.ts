/** The engine's solvers with Pebble as the CA that looks: listeners, files behind nginx, static lines, programs, services. */

import { X509Certificate } from 'node:crypto'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type Pebble, startPebble } from '../../src/cli/demo/pebble.ts'
import { solver as solverSchema } from '../../src/config/engine-solvers.ts'
import { createSealing } from '../../src/engine/create-sealing.ts'
import { Engine } from '../../src/engine/engine.ts'
import { EngineAccounts } from '../../src/engine/engine-accounts.ts'
import type { Job } from '../../src/engine/job.ts'
import type { EngineProgress } from '../../src/engine/progress.ts'
import type { Solver } from '../../src/engine/solver.ts'
import { chooseSolver } from '../../src/engine/solvers/choose-solver.ts'
import { type SolverParts, solverOf } from '../../src/engine/solvers/solver-of.ts'
import { createStateless } from '../../src/engine/solvers/stateless.ts'
import { staticLines } from '../../src/engine/solvers/static-lines.ts'
import { systemClock } from '../../src/exchange/clock.ts'
import { noParts } from '../engine/solvers/no-parts.ts'
import { type Receiver, startReceiver } from '../support/alerts/receiver.ts'
import { startProcess } from '../support/child-process.ts'
import { CA, type EngineStages, startEngineStages } from '../support/engine/engine-stages.ts'
import { jobRequest } from '../support/engine/engine-world.ts'
import { MemoryEngineStore } from '../support/engine/memory-engine-store.ts'
import { reasonWithout } from '../support/missing.ts'
import {
  reasonWithoutServer,
  type StartedWebServer,
  startWebServer,
  WEB_SERVERS,
  type WebServer,
} from '../support/peers/web-servers.ts'

const missing =
  (await reasonWithoutServer('nginx')) ??
  (await reasonWithout('pebble', 'pebble-challtestsrv', 'lego', 'curl'))
const installed: WebServer[] = []
for (const kind of WEB_SERVERS) if ((await reasonWithoutServer(kind)) === null) installed.push(kind)

describe.skipIf(missing !== null)('solvers, looked at by Pebble', () => {
  let folder: string
  let pebble: Pebble
  let stages: EngineStages
  const store = new MemoryEngineStore()
  const sealing = createSealing(Buffer.alloc(32, 3))
  const clock = systemClock()
  const failPoint = async () => {}
  let accounts: EngineAccounts
  const progress: EngineProgress[] = []
  const closing: { close?(): Promise<void>; stop?(): Promise<void> }[] = []

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'acmetap-engine-solvers-'))
    await chmod(folder, 0o755)
    pebble = await startPebble({ folder: path.join(folder, 'pebble'), authorizationReuse: 0 })
    stages = await startEngineStages(pebble.directory, await readFile(pebble.trust, 'utf8'))
    const session = stages.session()
    accounts = new EngineAccounts({
      store,
      sealing,
      session: () => session,
      settings: () => undefined,
      clock,
      failPoint,
    })
  })
  afterEach(async () => {
    for (const one of closing.splice(0)) await (one.close?.() ?? one.stop?.())
  })
  afterAll(async () => {
    await stages?.close()
    await pebble?.stop()
    await rm(folder, { recursive: true, force: true })
  })

  const resolve = async () => ['127.0.0.1']
  const parts = (): SolverParts => ({
    ...noParts,
    wayOut: () => ({ ...noParts.wayOut(), resolve }),
  })
  const made = (config: Readonly<Record<string, unknown>>) =>
    solverOf(solverSchema.parse({ name: 'it', ...config }), parts())
  const thumbprint = async () =>
    (await accounts.open(CA, { agreeTerms: true }, new AbortController().signal)).account.thumbprint

  /** A new certificate for these names with this solver alone. */
  async function obtain(solver: Solver, ...names: readonly string[]): Promise<Job> {
    const session = stages.session()
    const engine = new Engine({
      store,
      sealing,
      accounts,
      session: () => session,
      solverFor: chooseSolver([solver], []),
      solverNamed: (name) => (name === solver.name ? solver : null),
      deploy: async () => {},
      findRecorded: async () => ({ state: 'unsent' }),
      clock,
      failPoint,
      onProgress: (one) => progress.push(one),
    })
    closing.push(solver, engine)
    const certificate = names[0]!.replace('*.', 'wildcard.')
    const identifiers = names.map((value) => ({ type: /^[\d.]+$/.test(value) ? 'ip' : 'dns', value }))
    const { id } = await engine.create(jobRequest({ certificate, identifiers }))
    return engine.run(id, { signal: new AbortController().signal, onProgress: () => {} })
  }

  function expectIssued(job: Job, ...names: readonly string[]): void {
    expect(job.error, JSON.stringify(progress.slice(-5))).toBeNull()
    expect(job.step).toBe('done')
    const leaf = new X509Certificate(job.chain!)
    expect(new Set(leaf.subjectAltName?.split(', '))).toEqual(
      new Set(names.map((name) => (/^[\d.]+$/.test(name) ? `IP Address:${name}` : `DNS:${name}`))),
    )
  }

  it('http-01 by the responder, for names and an address', async () => {
    const names = ['www.engine.test', 'mail.engine.test', '127.0.0.1']
    const solver = made({ http: { port: pebble.httpPort } })
    expectIssued(await obtain(solver, ...names), ...names)
    expect(await store.presented()).toEqual([])
  })

  it('tls-alpn-01 by the responder, for names and an address', async () => {
    const names = ['www.alpn.test', 'mail.alpn.test', '127.0.0.1']
    expectIssued(await obtain(made({ tls_alpn: { port: pebble.tlsPort } }), ...names), ...names)
  })

  const website = async (...given: Parameters<typeof startWebServer>): Promise<StartedWebServer> => {
    const server = await startWebServer(...given)
    closing.push(server)
    return server
  }

  it('files in the web root of nginx, of which nothing is left', async () => {
    const root = path.join(folder, 'html')
    await mkdir(root)
    await chmod(root, 0o755)
    await website(
      'nginx',
      pebble.httpPort,
      `root ${root};\nlocation /.well-known/acme-challenge/ { try_files $uri =404; }`,
    )
    const names = ['a.webroot.test', 'b.webroot.test', 'c.webroot.test']
    expectIssued(await obtain(made({ webroot: { folder: root } }), ...names), ...names)
    expect(await readdir(root)).toEqual([])
  })

  const stateless = () =>
    createStateless(
      'it',
      { probe: true },
      {
        wayOut: parts().wayOut,
        ports: { http: pebble.httpPort, https: pebble.tlsPort },
      },
    )

  it.for(installed)('static lines in %s', async (kind) => {
    await website(kind, pebble.httpPort, staticLines(await thumbprint())[kind])
    expectIssued(await obtain(stateless(), `${kind}.stateless.test`), `${kind}.stateless.test`)
  })

  it('no lines: no attempt is spent at the CA', async () => {
    await website('nginx', pebble.httpPort, 'location = /none { return 404; }')
    const sent = stages.operations().length
    const job = await obtain(stateless(), 'missing.stateless.test')
    expect(job.error?.message).toMatch(/Add to its configuration on port 80/)
    expect(stages.operations().slice(sent)).not.toContain('challenge')
  })

  /** To the DNS server that Pebble asks. */
  const dnsScript = async () => {
    const file = path.join(folder, 'dns-update')
    await writeFile(
      file,
      `#!/bin/sh
{ for one in "$@"; do printf '[%s]' "$one"; done; echo; } >> "$LOG"
case $1 in
  present) curl -sf -d "{\\"host\\":\\"$2\\",\\"value\\":\\"$3\\"}" "$MANAGEMENT/set-txt" ;;
  cleanup) curl -sf -d "{\\"host\\":\\"$2\\"}" "$MANAGEMENT/clear-txt" ;;
esac
`,
    )
    await chmod(file, 0o755)
    return file
  }

  it('a program, called as lego calls it, for a name and its wildcard', async () => {
    const command = await dnsScript()
    const log = path.join(folder, 'ours.log')
    const solver = made({
      exec: { command, environment: { LOG: log, MANAGEMENT: pebble.dnsManagement } },
      propagation: { check: 'none' },
    })
    const names = ['exec.test', '*.exec.test']
    expectIssued(await obtain(solver, ...names), ...names)
    const theirs = path.join(folder, 'lego.log')
    await lego('exec', { EXEC_PATH: command, LOG: theirs, MANAGEMENT: pebble.dnsManagement }, 'exec.test')
    const shape = async (file: string) =>
      new Set((await readFile(file, 'utf8')).trim().split('\n').map(withoutValues))
    expect(await shape(log)).toEqual(await shape(theirs))
  })

  it('a program in raw mode is called as lego calls it', async () => {
    const command = await dnsScript()
    const [log, theirs] = [path.join(folder, 'ours-raw.log'), path.join(folder, 'lego-raw.log')]
    const solver = made({
      exec: { command, mode: 'raw', environment: { LOG: log, MANAGEMENT: pebble.dnsManagement } },
      propagation: { check: 'none' },
    })
    closing.push(solver)
    // It makes no record, so the CA finds none; what counts is how it is called.
    expect((await obtain(solver, 'raw.exec.test')).error?.message).toMatch(/TXT/)
    await lego(
      'exec',
      { EXEC_PATH: command, EXEC_MODE: 'RAW', LOG: theirs, MANAGEMENT: pebble.dnsManagement },
      'raw.exec.test',
    )
    const shape = async (file: string) =>
      new Set((await readFile(file, 'utf8')).trim().split('\n').map(withoutValues))
    expect(await shape(log)).toEqual(await shape(theirs))
  })

  it.each(['', 'RAW'])('a service, asked as lego asks it (mode %j)', async (mode) => {
    const service: Receiver = await startReceiver()
    closing.push(service)
    const solver = made({
      httpreq: {
        endpoint: `${service.url}/base/`,
        mode: mode === '' ? 'default' : 'raw',
        username: 'user',
        password: 'pass',
      },
      propagation: { check: 'none' },
    })
    await obtain(solver, `service${mode}.test`.toLowerCase())
    const ours = service.received.splice(0).map(asked)
    await lego(
      'httpreq',
      {
        HTTPREQ_ENDPOINT: `${service.url}/base/`,
        HTTPREQ_MODE: mode,
        HTTPREQ_USERNAME: 'user',
        HTTPREQ_PASSWORD: 'pass',
      },
      `service${mode}.test`.toLowerCase(),
    )
    expect(new Set(ours)).toEqual(new Set(service.received.map(asked)))
    expect(ours).toHaveLength(2)
  })

  const asked = ({ method, path: at, headers, body }: Receiver['received'][number]) =>
    JSON.stringify([
      method,
      at,
      headers.authorization,
      headers['content-type'],
      Object.entries(JSON.parse(body) as Record<string, string>).map(([key, value]) => [
        key,
        withoutValues(value),
      ]),
    ])

  /** Whatever becomes of it: how it calls is what is wanted. */
  async function lego(
    dns: string,
    env: Readonly<Record<string, string>>,
    ...names: readonly string[]
  ): Promise<void> {
    const started = startProcess(
      'lego',
      [
        ...[
          '--server',
          pebble.directory,
          '--path',
          path.join(folder, 'lego'),
          '--email',
          'a@lego.test',
          '--accept-tos',
        ],
        ...['--dns', dns, '--dns.disable-cp', '--dns.resolvers', pebble.dnsServer],
        ...names.flatMap((name) => ['--domains', name]),
        'run',
      ],
      { cwd: folder, env: { ...env, LEGO_CA_CERTIFICATES: pebble.trust } },
    )
    await started.ended
  }
})

/** Tokens, digests and key authorizations are others each time. */
function withoutValues(text: string): string {
  return text.replace(/[A-Za-z0-9_-]{40,}(?:\.[A-Za-z0-9_-]{43})?/g, (value) =>
    value.includes('.') ? 'KEYAUTH' : 'VALUE',
  )
}
