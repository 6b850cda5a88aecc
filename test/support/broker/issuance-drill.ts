import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { openBrokerStore } from '../../../src/store/sqlite/broker/open-broker-store.ts'
import { startProcess } from '../child-process.ts'
import { FakeIssuer } from './fake-issuer.ts'

const SCRIPT = join(import.meta.dirname, 'issue-until-killed.ts')

/** What the process is told. moved: the first CA authorizes nothing. failed: no CA takes the CSR. */
export interface IssuingTask {
  readonly folder: string
  readonly name: string
  readonly story: 'plain' | 'moved' | 'failed'
}

/** One data folder and two CAs, whose journals are the truth; processes that issue there, and die. */
export class IssuanceDrill {
  readonly folder = mkdtempSync(join(tmpdir(), 'acmetap-issuances-'))
  readonly #stories = new Map<string, IssuingTask['story']>()

  /** `at`: a point, `broker.order.stored:before=kill`, or ms after it is ready; null lets it come to its end. */
  async run(
    name: string,
    story: IssuingTask['story'],
    at: string | number | null,
  ): Promise<{ readonly killed: boolean; readonly ended: string | null; readonly took: number }> {
    this.#stories.set(name, story)
    const task = JSON.stringify({ folder: this.folder, name, story } satisfies IssuingTask)
    const env: Readonly<Record<string, string>> = typeof at === 'string' ? { ACMETAP_FAILPOINTS: at } : {}
    const child = startProcess(process.execPath, [SCRIPT, task], { env })
    const isOver = (ms: number) => Promise.race([sleep(ms, false), child.ended.then(() => true)])
    while (!child.output().includes('"ready"')) if (await isOver(2)) break
    const began = performance.now()
    if (typeof at === 'number' && !(await isOver(at))) child.child.kill('SIGKILL')
    const how = await child.ended
    if (how !== 0 && how !== 'SIGKILL') throw new Error(`it ended with ${how}: ${child.output()}`)
    const ended = /"ended":"(\w+)"/.exec(child.output())?.[1] ?? null
    return { killed: how === 'SIGKILL', ended, took: performance.now() - began }
  }

  /** What is wrong now, by the CAs' journals; every name must have come to its end. */
  async verdict(): Promise<readonly string[]> {
    const wrong: string[] = []
    const issuers = ['one', 'two'].map(
      (ca) => new FakeIssuer(ca, { journal: join(this.folder, `${ca}.journal`) }),
    )
    const store = await openBrokerStore({ folder: this.folder, where: 'here' })
    try {
      if ((await store.openOrders()).length > 0) wrong.push('orders are open')
      const orders = await store.orders({ limit: 10_000 })
      for (const [name, story] of this.#stories) {
        const mine = orders.filter(({ identifiers }) => identifiers[0]?.value === name)
        if (mine.length !== 1) wrong.push(`${name}: ${mine.length} orders`)
        for (const order of mine) {
          const issued = issuers.flatMap(({ events }) =>
            events.flatMap((each) => (each.what === 'issued' && each.order === order.id ? [each.chain] : [])),
          )
          const isValid = story !== 'failed'
          if (order.status !== (isValid ? 'valid' : 'invalid')) wrong.push(`${name}: is ${order.status}`)
          if (issued.length !== (isValid ? 1 : 0)) wrong.push(`${name}: ${issued.length} certificates`)
          const kept = order.certificate === null ? null : await store.certificate(order, order.certificate)
          if (isValid && kept?.chains[0] !== issued[0]) wrong.push(`${name}: its certificate is lost`)
        }
      }
      for (const issuer of issuers)
        for (const { order, reference } of await issuer.placed()) {
          const owner = orders.find(({ id }) => id === order)
          if (owner === undefined) wrong.push(`${reference} is an order of nobody`)
          else if (owner.upstream.reference !== reference) wrong.push(`${reference} is left behind`)
        }
    } finally {
      await store.close()
    }
    return wrong
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}
