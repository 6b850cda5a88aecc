/** Rows of the table: each is something the engine does by command at one CA, with a server or without. */
import { rmSync } from 'node:fs'
import path from 'node:path'
import type { EngineEvent, JobResult } from '../../src/api/engine-operations.ts'
import type { Ran } from '../support/run-main.ts'
import { type Lab, type LabCa, prefixOf, type Way } from './lab.ts'
import { faultsOfLive } from './openssl.ts'
import { ZONE } from './places.ts'

export interface Row {
  readonly title: string
  /** Why it can't be tried here; null where it can. */
  missing?(stage: Stage): string | null
  /** What went wrong; empty: it is as it must be. */
  run(stage: Stage): Promise<readonly string[]>
}

export interface Issued {
  readonly result: JobResult | null
  readonly events: readonly EngineEvent[]
  readonly ran: Ran
  /** Of the last certificate with this name. */
  readonly live: string
  readonly faults: string[]
}

/** One CA, and one way to ask for it. */
export class Stage {
  readonly lab: Lab
  readonly ca: LabCa
  readonly way: Way
  readonly prefix: string
  /** Commands that were given again because the CA had refused four nonces in a row. */
  repeated = 0

  constructor(lab: Lab, ca: LabCa, way: Way) {
    this.lab = lab
    this.ca = ca
    this.way = way
    this.prefix = prefixOf(ca.name, way)
  }

  /** Below the lab's zone, and of nobody else. */
  name(label: string): string {
    return `${this.prefix}.${label}.${ZONE}`
  }

  live(name: string): string {
    return path.join(this.lab.data, 'certificates', 'live', name)
  }

  /** Faults where it does not end well. Given again where Pebble refused a nonce too often. */
  async ok(...words: readonly string[]): Promise<{ ran: Ran; faults: string[] }> {
    for (let attempt = 0; ; attempt++) {
      const ran = await this.lab.acmetap(...words)
      if (ran.code === 0) return { ran, faults: [] }
      if (attempt === 5 || !saysBadNonce(ran))
        return { ran, faults: [`${words.join(' ')}: ended with ${ran.code}: ${lastOf(ran)}`] }
      this.repeated += 1
    }
  }

  /** Faults where it is not refused in these words. */
  async refused(says: RegExp, ...words: readonly string[]): Promise<string[]> {
    for (let attempt = 0; ; attempt++) {
      const ran = await this.lab.acmetap(...words)
      const said = `${ran.out}\n${ran.err}`
      if (ran.code !== 0 && says.test(said)) return []
      if (attempt === 5 || ran.code === 0 || !saysBadNonce(ran))
        return [`${words.join(' ')}: ended with ${ran.code} and did not say ${says}: ${lastOf(ran)}`]
      this.repeated += 1
    }
  }

  /** `engine issue`; the certificate is checked against the names, the key, and the root with this number. */
  async issue(
    name: string,
    names: readonly string[],
    { words = [], root = 0 }: { readonly words?: readonly string[]; readonly root?: number } = {},
  ): Promise<Issued> {
    const own = `${this.prefix}-${name}`
    const live = this.live(own)
    const { ran, faults } = await this.ok(
      ...['engine', 'issue', ...names, '--ca', this.ca.name, '--name', own, '--json'],
      ...words,
    )
    return { ...(await this.checked(ran, faults, live, names, root)), live }
  }

  async checked(
    ran: Ran,
    before: readonly string[],
    live: string,
    names: readonly string[],
    root: number,
  ): Promise<Omit<Issued, 'live'>> {
    const faults = [...before]
    const events = eventsOf(ran)
    const result = endOf(events)
    if (result?.outcome !== 'issued')
      faults.push(`outcome ${result?.outcome}: ${result?.error ?? lastOf(ran)}`)
    else {
      try {
        faults.push(...faultsOfLive({ live, names, root: await this.ca.root(root) }))
      } finally {
        rmSync(path.join(live, '.root-for-openssl.pem'), { force: true })
      }
    }
    return { result, events, ran, faults }
  }
}

export function eventsOf({ out }: Ran): EngineEvent[] {
  return out
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as EngineEvent)
}

function endOf(events: readonly EngineEvent[]): JobResult | null {
  const last = events.at(-1)
  return last?.kind === 'end' ? (last.results[0] ?? null) : null
}

const saysBadNonce = ({ out, err }: Ran) => /badNonce|invalid replay nonce/i.test(`${out.slice(-4000)}${err}`)
const lastOf = ({ out, err }: Ran) => `${out.trim().slice(-600)} ${err.trim().slice(-600)}`
