import { readFile } from 'node:fs/promises'

interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }
  }[]
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

export interface Share {
  readonly name: string
  /** Of the time that was not idle, 0–1. */
  readonly share: number
}

export interface ProfileReport {
  /** µs of samples that were not idle. */
  readonly busy: number
  /** By package, by folder of our own source, or by Node's module. */
  readonly groups: readonly Share[]
  readonly functions: readonly Share[]
}

/** Self times of a V8 `.cpuprofile`, grouped. One profile is one thread. */
export async function readProfile(file: string, top = 15): Promise<ProfileReport> {
  const profile = JSON.parse(await readFile(file, 'utf8')) as CpuProfile
  const frames = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame]))
  const groups = new Map<string, number>()
  const functions = new Map<string, number>()
  let busy = 0
  profile.samples.forEach((id, i) => {
    const frame = frames.get(id)
    if (!frame || frame.functionName === '(idle)') return
    const time = profile.timeDeltas[i] ?? 0
    const group = groupOf(frame.url, frame.functionName)
    busy += time
    add(groups, group, time)
    add(functions, `${frame.functionName || '(anonymous)'} ${group}:${frame.lineNumber + 1}`, time)
  })
  return { busy, groups: largest(groups, busy, top), functions: largest(functions, busy, top) }
}

function groupOf(url: string, name: string): string {
  if (url === '') return name.startsWith('(') ? name : 'native'
  const inside = /node_modules\/((?:@[^/]+\/)?[^/]+)(?!.*node_modules)/.exec(url)?.[1]
  if (inside) return inside
  if (url.startsWith('node:')) return url
  return /\/((?:src|dist|test)\/.*?)(?:\.[jt]s)?$/.exec(url)?.[1] ?? url
}

function add(sums: Map<string, number>, name: string, time: number): void {
  sums.set(name, (sums.get(name) ?? 0) + time)
}

function largest(sums: ReadonlyMap<string, number>, total: number, top: number): readonly Share[] {
  return [...sums]
    .sort(([, a], [, b]) => b - a)
    .slice(0, top)
    .map(([name, time]) => ({ name, share: time / total }))
}
