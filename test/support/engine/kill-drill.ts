import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { readCertificateChain } from '../../../src/acme/certificate.ts'
import { openEngineStore } from '../../../src/store/sqlite/engine/open-engine-store.ts'
import { type StartedProcess, startProcess } from '../child-process.ts'
import { startTestCa, type TestCa } from '../test-ca/test-ca.ts'

const SCRIPT = join(import.meta.dirname, 'obtain-until-killed.ts')

/** What the process is told. */
export interface KillDrillTask {
  readonly folder: string
  readonly directory: string
  /** File. */
  readonly trust: string
  readonly certificate: string
  readonly names: readonly string[]
}

/** `ended`: what the process said when it was done; null where it was killed before. */
export interface KillDrillRun {
  readonly killed: boolean
  /** From the moment it was ready, ms. */
  readonly took: number
  readonly ended: { readonly step: string; readonly error: string | null } | null
}

/** One data folder and one CA, whose own log is the truth; processes that obtain certificates there, and die. */
export class KillDrill {
  readonly folder: string
  readonly ca: TestCa
  readonly #names = new Map<string, readonly string[]>()

  private constructor(folder: string, ca: TestCa) {
    this.folder = folder
    this.ca = ca
  }

  static async start(): Promise<KillDrill> {
    const ca = await startTestCa()
    const folder = mkdtempSync(join(tmpdir(), 'acmetap-drill-'))
    writeFileSync(join(folder, 'trust.pem'), ca.trust)
    return new KillDrill(folder, ca)
  }

  /** `at`: a point, `engine.order.stored:before=kill`, or ms after it is ready; null lets it come to its end. */
  async run(certificate: string, at: string | number | null): Promise<KillDrillRun> {
    const names = [`a.${certificate}.example.com`, `b.${certificate}.example.com`]
    this.#names.set(certificate, names)
    const { folder, ca } = this
    const data = join(folder, 'data')
    const task = {
      folder: data,
      directory: ca.directory,
      trust: join(folder, 'trust.pem'),
      certificate,
      names,
    }
    const child = startProcess(process.execPath, [SCRIPT, JSON.stringify(task satisfies KillDrillTask)], {
      env: typeof at === 'string' ? { ACMETAP_FAILPOINTS: at } : {},
    })
    while (!child.output().includes('"ready"')) if (await hasEnded(child, 5)) break
    const began = performance.now()
    if (typeof at === 'number' && !(await hasEnded(child, at))) child.child.kill('SIGKILL')
    const how = await child.ended
    const text = /^\{"step".*\}$/m.exec(child.output())?.[0]
    const ended = text === undefined ? null : (JSON.parse(text) as { step: string; error: string | null })
    if (how !== 0 && how !== 'SIGKILL') throw new Error(`it ended with ${how}: ${child.output()}`)
    return { killed: how === 'SIGKILL', took: performance.now() - began, ended }
  }

  /** What is wrong now, by the CA's log; every certificate that was begun must be done. */
  async verdict(): Promise<readonly string[]> {
    const wrong: string[] = []
    const { state, log } = this.ca
    if (state.accounts.size !== 1) wrong.push(`${state.accounts.size} accounts`)
    const store = await openEngineStore({ folder: join(this.folder, 'data'), where: 'here' })
    try {
      const kept = await store.certificates()
      for (const [certificate, names] of this.#names) {
        const orders = [...state.orders.values()].filter((order) => order.identifiers[0]?.value === names[0])
        if (orders.length !== 1) wrong.push(`${certificate}: ${orders.length} orders`)
        const finals = orders.flatMap(({ finalize }) =>
          log.requests.filter(({ target }) => target === finalize),
        )
        if (finals.length !== 1) wrong.push(`${certificate}: ${finals.length} times finalize`)
        const issued = orders[0]?.certificate ?? null
        const own = kept.find((each) => each.certificate === certificate)
        if (issued === null || own === undefined) wrong.push(`${certificate}: the certificate is lost`)
        else {
          if (!readCertificateChain(Buffer.from(issued.pem)) || !sameLeaf(issued.pem, own.chain))
            wrong.push(`${certificate}: another certificate is kept`)
          const file = readFileSync(join(this.folder, 'data', 'deployed', certificate), 'latin1')
          if (file !== own.chain) wrong.push(`${certificate}: another certificate was deployed`)
        }
      }
      const notes = await store.presented()
      if (notes.length > 0) wrong.push(`${notes.length} notes of challenges are left`)
      const open = await store.jobs({ open: true, limit: 10 })
      if (open.length > 0) wrong.push(`${open.length} jobs are open`)
    } finally {
      await store.close()
    }
    const left = readdirSync(join(this.folder, 'data', 'webroot'), { recursive: true, withFileTypes: true })
    const answers = left.filter((entry) => entry.isFile())
    if (answers.length > 0)
      wrong.push(`answers to challenges are left: ${answers.map(({ name }) => name).join(', ')}`)
    return wrong
  }

  async close(): Promise<void> {
    await this.ca.close()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** Within so many ms. */
async function hasEnded(child: StartedProcess, ms: number): Promise<boolean> {
  return Promise.race([sleep(ms, false), child.ended.then(() => true)])
}

function sameLeaf(one: string, other: string): boolean {
  const fingerprint = (pem: string) => readCertificateChain(Buffer.from(pem))?.leaf.fingerprint
  return fingerprint(one) === fingerprint(other)
}
