import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { stringify } from 'yaml'
import { readCertificateChain } from '../../../src/acme/certificate.ts'
import { controlSocketPath } from '../../../src/api/control-socket-path.ts'
import { connectControl } from '../../../src/cli/control-client.ts'
import { engineFile } from '../../../src/store/sqlite/engine/engine-file.ts'
import { openEngineStore } from '../../../src/store/sqlite/engine/open-engine-store.ts'
import { acmetapMain } from '../acmetap-process.ts'
import { freePort, type StartedProcess, startProcess } from '../child-process.ts'
import type { DrillCa } from './drill-ca.ts'

/** serve: a server that obtains what its configuration wants. issue: `acmetap engine issue` where no server runs. */
export type ProgramForm = 'serve' | 'issue'

export interface ProgramRun {
  readonly killed: boolean
  /** From the start of the process, ms. */
  readonly took: number
  /** Whether the newest job of the certificate is done. */
  readonly done: boolean
  readonly output: string
}

/** The real program over one data folder and one CA, killed and started again. */
export class ProgramDrill {
  readonly folder: string
  readonly ca: DrillCa
  readonly #form: ProgramForm
  readonly #ports: { readonly acme: number; readonly admin: number }
  readonly #certificates: string[] = []

  private constructor(
    folder: string,
    ca: DrillCa,
    form: ProgramForm,
    ports: { acme: number; admin: number },
  ) {
    this.folder = folder
    this.ca = ca
    this.#form = form
    this.#ports = ports
  }

  static async start(form: ProgramForm, makeCa: (folder: string) => Promise<DrillCa>): Promise<ProgramDrill> {
    const folder = await mkdtemp(join(tmpdir(), 'acmetap-drill-'))
    const ca = await makeCa(folder)
    await writeFile(join(folder, 'trust.pem'), ca.trust)
    return new ProgramDrill(folder, ca, form, { acme: await freePort(), admin: await freePort() })
  }

  /** `at`: a point, `engine.order.stored:before=kill`, or ms after its start; null lets it come to its end. */
  async run(certificate: string, at: string | number | null): Promise<ProgramRun> {
    if (!this.#certificates.includes(certificate)) this.#certificates.push(certificate)
    await this.#configure()
    const config = join(this.folder, 'acmetap.yaml')
    const words = this.#form === 'serve' ? ['serve'] : ['engine', 'issue', certificate]
    const began = performance.now()
    const child = startProcess(process.execPath, [acmetapMain()!, ...words, '--config', config], {
      cwd: this.folder,
      env: typeof at === 'string' ? { ACMETAP_FAILPOINTS: at } : {},
    })
    const killer = new AbortController()
    if (typeof at === 'number')
      sleep(at, undefined, { signal: killer.signal }).then(
        () => child.child.kill('SIGKILL'),
        () => undefined,
      )
    if (this.#form === 'serve') await this.#untilDone(certificate, child)
    const how = await (this.#form === 'serve' ? stopped(child) : child.ended)
    const took = performance.now() - began
    killer.abort()
    const killed = how === 'SIGKILL'
    return { killed, took, done: await this.#isDone(certificate), output: child.output() }
  }

  /** Resolves when the certificate is done by the server's word, or the server has ended. */
  async #untilDone(certificate: string, child: StartedProcess): Promise<void> {
    let hasEnded = false
    child.ended.then(
      () => {
        hasEnded = true
      },
      () => undefined,
    )
    for (const until = performance.now() + 200_000; !hasEnded && performance.now() < until; ) {
      const jobs = await this.#jobs(certificate).catch(() => null)
      if (jobs?.[0]?.step === 'done') return
      await sleep(20)
    }
  }

  async #jobs(certificate: string) {
    const server = await connectControl(controlSocketPath(this.#data))
    return server === null ? null : await server.engine.jobs({ certificate, limit: 1 })
  }

  async #isDone(certificate: string): Promise<boolean> {
    if (!existsSync(engineFile(this.#data))) return false
    const store = await openEngineStore({ folder: this.#data, where: 'here' })
    try {
      return (await store.jobs({ certificate, limit: 1 }))[0]?.step === 'done'
    } finally {
      await store.close()
    }
  }

  get #data(): string {
    return join(this.folder, 'data')
  }

  async #configure(): Promise<void> {
    await writeFile(
      join(this.folder, 'acmetap.yaml'),
      stringify({
        version: 1,
        data: './data',
        log: { level: 'warn' },
        cas: { test: { directory: this.ca.directory, trust: './trust.pem' } },
        listeners: {
          acme: { address: '127.0.0.1', port: this.#ports.acme },
          admin: { address: '127.0.0.1', port: this.#ports.admin },
        },
        engine: {
          accounts: [{ ca: 'test', agree_terms: true }],
          solvers: [{ name: 'web', webroot: { folder: this.ca.webroot } }],
          renew: this.#form === 'serve',
          certificates: this.#certificates.map((name) => ({
            name,
            names: namesOf(name),
            ca: 'test',
            files: './certificates',
          })),
        },
      }),
    )
  }

  /** What is wrong now, by the CA's log; every certificate that was begun must be done, once. */
  async verdict(): Promise<readonly string[]> {
    const wrong: string[] = [...this.ca.faults()]
    const { accounts, orders, issued } = this.ca.truth()
    const wanted = this.#certificates.length
    if (accounts !== 1) wrong.push(`${accounts} accounts`)
    if (orders !== wanted) wrong.push(`${orders} orders for ${wanted} certificates`)
    if (issued !== wanted) wrong.push(`${issued} certificates were issued, not ${wanted}`)
    const store = await openEngineStore({ folder: this.#data, where: 'here' })
    try {
      const kept = await store.certificates()
      for (const name of this.#certificates) {
        const own = kept.find(({ certificate }) => certificate === name)
        const file = join(this.folder, 'certificates', 'live', name, 'fullchain.pem')
        if (own === undefined) wrong.push(`${name}: the certificate is lost`)
        else if (!existsSync(file)) wrong.push(`${name}: it was not deployed`)
        else if (readFileSync(file, 'latin1') !== own.chain) wrong.push(`${name}: another one was deployed`)
        else if (readCertificateChain(Buffer.from(own.chain)) === null) wrong.push(`${name}: unreadable`)
      }
      const notes = await store.presented()
      if (notes.length > 0) wrong.push(`${notes.length} notes of challenges are left`)
      const open = await store.jobs({ open: true, limit: 10 })
      if (open.length > 0) wrong.push(`${open.length} jobs are open`)
    } finally {
      await store.close()
    }
    const left = readdirSync(this.ca.webroot, { recursive: true, withFileTypes: true })
    const answers = left.filter((entry) => entry.isFile()).map(({ name }) => name)
    if (answers.length > 0) wrong.push(`answers to challenges are left: ${answers.join(', ')}`)
    return wrong
  }

  async close(): Promise<void> {
    await this.ca.close()
    await rm(this.folder, { recursive: true, force: true })
  }
}

function namesOf(certificate: string): string[] {
  return [`a.${certificate}.example.com`, `b.${certificate}.example.com`]
}

async function stopped(child: StartedProcess): Promise<number | NodeJS.Signals> {
  await child.stop()
  return await child.ended
}
