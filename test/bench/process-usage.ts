import { readdirSync, readFileSync } from 'node:fs'

/** USER_HZ: what /proc counts CPU time in. 100 on every Linux Node runs on. */
const TICKS_PER_SECOND = 100

export interface Usage {
  /** CPU time of the processes, all threads, µs. */
  readonly cpu: number
  /** Resident memory, bytes. */
  readonly rss: number
}

/** What a process and its descendants have used since they began. Processes that are gone count for nothing. */
export function usageOf(pid: number): Usage {
  let cpu = 0
  let rss = 0
  for (const member of familyOf(pid)) {
    const fields = statOf(member)
    if (!fields) continue
    cpu += ((Number(fields[11]) + Number(fields[12])) * 1e6) / TICKS_PER_SECOND
    rss += rssOf(member)
  }
  return { cpu, rss }
}

/** CPU µs of each kind of thread of a process that is alive, by the name the system has for it. */
export function threadsOf(pid: number): ReadonlyMap<string, number> {
  const threads = new Map<string, number>()
  for (const id of readdirSync(`/proc/${pid}/task`)) {
    try {
      const name = readFileSync(`/proc/${pid}/task/${id}/comm`, 'utf8').trim()
      // User and kernel together, in ns: these fields of /proc/PID/stat count in steps of 10 ms.
      const [ns] = readFileSync(`/proc/${pid}/task/${id}/schedstat`, 'utf8').split(' ')
      threads.set(name, (threads.get(name) ?? 0) + Number(ns) / 1000)
    } catch {
      // It has ended meanwhile.
    }
  }
  return threads
}

function familyOf(pid: number): readonly number[] {
  const parents = new Map<number, number>()
  for (const name of readdirSync('/proc')) {
    const fields = /^\d+$/.test(name) ? statOf(Number(name)) : null
    if (fields) parents.set(Number(name), Number(fields[1]))
  }
  const family = [pid]
  for (const member of family) {
    for (const [child, parent] of parents) if (parent === member) family.push(child)
  }
  return family
}

/** Fields of /proc/PID/stat from the third on (state, ppid, …): the second may hold spaces and brackets. */
function statOf(pid: number): readonly string[] | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return text.slice(text.lastIndexOf(')') + 2).split(' ')
  } catch {
    return null
  }
}

function rssOf(pid: number): number {
  try {
    const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return Number(kilobytes ?? 0) * 1024
  } catch {
    return 0
  }
}
