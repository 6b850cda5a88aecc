import { statSync } from 'node:fs'
import { relative } from 'node:path'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** `waits`: most of its time it uses no processor, because clocks, deadlines and other programs are waited for. */
type Kind = 'waits' | 'works'

interface Expected {
  readonly kind: Kind
  readonly seconds: number
}

/** Files that take long, by how their path begins; the first that fits holds. On two quiet processors. */
export const LONG: readonly (readonly [path: string, kind: Kind, seconds: number])[] = [
  ['test/peers/alerts-of-the-record', 'waits', 130],
  ['test/peers/alerts-of-how-things-stand', 'waits', 110],
  // Alerts are due after times that nobody can hasten.
  ['test/peers/alerts-of-', 'waits', 75],
  // It is scraped once a second.
  ['test/peers/prometheus-', 'waits', 95],
  // Faults and deadlines last as long as they last.
  ['test/soak/small-', 'waits', 100],
  // Python and shells as clients, with keys of RSA.
  ['test/peers/inventory-truth', 'works', 90],
  ['test/peers/relay-clients', 'works', 80],
  // Real servers in a network of their own.
  ['test/peers/engine-lab', 'works', 80],
  // Six lives, each with several runs of a client.
  ['test/peers/broker-clients', 'works', 90],
  ['test/peers/', 'works', 45],
  // A port that becomes free, a clock that jumps.
  // An alert that is looked for once a minute.
  ['test/app/broker/upstream', 'waits', 90],
  ['test/broker/verify-request', 'works', 15],
  ['test/app/engine', 'waits', 40],
  ['test/app/reissue-kills', 'works', 50],
  ['test/engine/kill-points', 'works', 40],
  ['test/cli/demo/', 'waits', 50],
  ['test/app/ambiguity-relay', 'works', 35],
  ['test/audit/sinks/sink-kill', 'works', 35],
  ['test/app/open-proxy', 'works', 30],
  ['test/packaging/image.', 'works', 25],
  ['test/cli/main', 'works', 25],
  ['test/cli/enroll/', 'works', 20],
  // Each test opens a store, and with it threads.
  ['test/store/', 'works', 15],
  ['test/app/', 'works', 15],
]

/** Any other. */
const SHORT: Expected = { kind: 'works', seconds: 2 }

export function expectedOf(path: string): Expected {
  const found = LONG.find(([begin]) => path.startsWith(begin))
  return found === undefined ? SHORT : { kind: found[1], seconds: found[2] }
}

export interface Sized {
  /** From the project's folder. */
  readonly path: string
  readonly bytes: number
}

/**
 * Of each kind the longest first, so that nothing long is left for the end; and the two kinds in step, so that at any
 * time some of the workers wait and leave the processors to the others.
 */
export function packed<File extends Sized>(files: readonly File[]): File[] {
  const placed: { readonly file: File; readonly at: number }[] = []
  for (const kind of ['waits', 'works'] as const) {
    const mine = files
      .map((file) => ({ file, expected: expectedOf(file.path) }))
      .filter(({ expected }) => expected.kind === kind)
      .sort((a, b) => b.expected.seconds - a.expected.seconds || b.file.bytes - a.file.bytes)
    const all = mine.reduce((sum, { expected }) => sum + expected.seconds, 0)
    let before = 0
    for (const { file, expected } of mine) {
      placed.push({ file, at: before / all })
      before += expected.seconds
    }
  }
  return placed.sort((a, b) => a.at - b.at).map(({ file }) => file)
}

export class PackingSequencer extends BaseSequencer {
  override async sort(specifications: TestSpecification[]): Promise<TestSpecification[]> {
    const { root } = this.ctx.config
    const files = specifications.map((specification) => ({
      specification,
      path: relative(root, specification.moduleId),
      bytes: statSync(specification.moduleId).size,
    }))
    return packed(files).map(({ specification }) => specification)
  }
}
