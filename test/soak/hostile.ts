import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { usageOf } from '../bench/process-usage.ts'
import { startProcess } from '../support/child-process.ts'
import { HOSTILE_KINDS, type HostileKind, type HostileOrder, type HostileState } from './hostile-kinds.ts'
import { openInterceptWorld } from './intercept-world.ts'
import { RelayLoad } from './relay-load.ts'
import { quantile, type Soak } from './soak.ts'

const MEMORY_LIMIT_MB = 250
const P99_LIMIT_MS = 500
/** What a connection may be late by: two looks at the deadlines, and a busy machine. */
const SLACK_MS = 5_000
/** Seconds; null for those that live as long as the client likes. */
const DEADLINES: Readonly<Record<HostileKind, number | null>> = {
  silent: 10,
  halfConnect: 10,
  halfHandshake: 10,
  idleAfterTls: 10,
  drippingHeader: 10,
  drippingBody: 20,
  keptIdle: 60,
  notReading: 60,
  // limits.tunnel_idle, five minutes.
  idleTunnel: null,
}

/**
 * Most have never asked for anything, dripping or not; a fifth asks now and then, and so stays. The listener's own
 * bound on the quiet ones (ListenerLimits.quietConnections) is part of what is proved: they come again and again.
 */
function shares(size: number): Record<HostileKind, number> {
  const part = (share: number) => Math.max(1, Math.floor(size * share))
  const few = {
    silent: part(0.05),
    halfConnect: part(0.05),
    halfHandshake: part(0.05),
    drippingHeader: part(0.2),
    drippingBody: part(0.1),
    keptIdle: part(0.2),
    notReading: Math.min(10, part(0.01)),
    // limits.tunnels is 512.
    idleTunnel: Math.min(400, part(0.08)),
  }
  const taken = Object.values(few).reduce((sum, count) => sum + count, 0)
  return { ...few, idleAfterTls: Math.max(1, size - taken) }
}

/** Caches fill and the heap finds its size under the legitimate load alone: that is not the attack's. */
async function warm(pid: number, progress: (line: string) => void): Promise<void> {
  let last = usageOf(pid).rss
  for (let round = 0; round < 9; round += 1) {
    await sleep(20_000)
    const now = usageOf(pid).rss
    progress(`warming up: RSS ${Math.round(now / 1e6)} MB`)
    if (now - last < 8e6) return
    last = now
  }
}

export const hostile: Soak = {
  proves:
    'connections that idle or drip, before and inside tunnels, delay nobody and are cut in time (threats N8)',
  unit: 'connections',
  size: 5000,
  async run({ size, progress }) {
    const world = await openInterceptWorld()
    const { acmetap, ca } = world
    const load = new RelayLoad(ca.directory, acmetap.interceptionRoot, {
      workers: 4,
      delayMs: 10,
      proxy: world.proxy,
    })
    const peers = startProcess(process.execPath, [join(import.meta.dirname, 'hostile-peers-process.ts')], {
      ipc: true,
    })
    let state: HostileState | undefined
    peers.child.on('message', (said: HostileState) => {
      state = said
    })
    try {
      const full = size >= 1000
      if (full) await warm(acmetap.pid, progress)
      else await sleep(2_000)
      const before = usageOf(acmetap.pid).rss
      const warmed = load.answers.length
      const calm = p99(load, 0, warmed)
      const counts = shares(size)
      const order: HostileOrder = {
        proxyPort: acmetap.proxyPort,
        authority: ca.authority,
        path: new URL(ca.directory).pathname,
        blind: world.blind,
        trust: acmetap.interceptionRoot,
        counts,
        rate: full ? 130 : 60,
        perAddress: 800,
      }
      peers.child.send(order)
      let most = 0
      let rss = before
      const look = () => {
        const established = establishedAt(acmetap.proxyPort)
        most = Math.max(most, established)
        rss = Math.max(rss, usageOf(acmetap.pid).rss)
        return established
      }
      // Once as many were opened as are to be kept away, it goes on for a while.
      for (let second = 1, after = 0; second <= (full ? 180 : 20) && after < (full ? 30 : 2); second++) {
        await sleep(1000)
        const established = look()
        if (openedBy(state) >= size) after++
        if (second % 10 === 0 || !full) {
          progress(
            `${established} connections, RSS +${megabytes(rss - before)} MB, ${load.answers.length} answers`,
          )
        }
      }
      const attacked = load.answers.length
      peers.child.send('stop')
      // The small form doesn't wait for those whose deadline is a minute.
      const awaited = HOSTILE_KINDS.filter((kind) => (DEADLINES[kind] ?? 1000) <= (full ? 60 : 20))
      const remaining = () => awaited.filter((kind) => (state?.open[kind] ?? 0) > 0)
      for (let waited = 0; waited < 75 && remaining().length > 0; waited++) {
        await sleep(1000)
        look()
      }
      await load.stop()
      const failures: string[] = []
      const late: string[] = []
      for (const kind of remaining()) failures.push(`${state?.open[kind]} connections ${kind} were never cut`)
      for (const kind of awaited) {
        const limit = (DEADLINES[kind] ?? 0) * 1000 + SLACK_MS
        const longest = state?.longest[kind] ?? 0
        if (longest > limit) late.push(`${kind}: cut after ${(longest / 1000).toFixed(1)} s`)
      }
      const strange = load.answers.filter(({ status }) => status < 200 || status > 299)
      const log = acmetap.process.output()
      if (strange.length > 0) {
        // On a machine that is busy with something else the record is late, which is no fault of the connections.
        const list = log.includes('"reason":"late"') ? late : failures
        list.push(`${strange.length} legitimate requests got ${strange[0]?.status}: ${log.slice(-300)}`)
      }
      if (load.broken > 0) failures.push(`${load.broken} legitimate requests were broken`)
      if (attacked === warmed) failures.push('no legitimate request was answered under attack')
      const grown = megabytes(rss - before)
      if (grown > MEMORY_LIMIT_MB) failures.push(`memory grew by ${grown} MB`)
      const under = p99(load, warmed, attacked)
      if (under > P99_LIMIT_MS) late.push(`legitimate p99 was ${under.toFixed(0)} ms`)
      const opened = openedBy(state)
      if (opened < size) late.push(`only ${opened} of ${size} connections were opened`)
      const lives = (kind: HostileKind) => {
        const seconds = (ms = 0) => (ms / 1000).toFixed(1)
        const cut = state?.cut[kind] ?? 0
        return cut === 0
          ? `${counts[kind]}, none cut`
          : `${counts[kind]}, ${cut} cut after ${seconds(state?.shortest[kind])}–${seconds(state?.longest[kind])} s`
      }
      return {
        figures: {
          'most connections at once': most,
          'connections opened in all': opened,
          'RSS before MB': megabytes(before),
          'RSS grew by MB': grown,
          'legitimate requests': `${warmed} before, ${attacked - warmed} under attack`,
          'legitimate p99 ms': `${calm.toFixed(1)} before, ${under.toFixed(1)} under attack`,
          'legitimate errors': strange.length + load.broken,
          'turned away': state?.turnedAway ?? 0,
          ...Object.fromEntries(HOSTILE_KINDS.map((kind) => [kind, lives(kind)])),
        },
        failures,
        late,
      }
    } finally {
      await load.stop()
      await peers.stop()
      await world.close()
    }
  },
}

function openedBy(state: HostileState | undefined): number {
  if (!state) return 0
  return HOSTILE_KINDS.reduce((sum, kind) => sum + state.open[kind] + state.cut[kind], 0)
}

function p99(load: RelayLoad, from: number, to: number): number {
  const times = load.answers.slice(from, to).map(({ ms }) => ms)
  return quantile(times, 0.99)
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1e6)
}

/** Established connections that were accepted on this port, by the kernel's count. */
function establishedAt(port: number): number {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  return readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .filter((line) => {
      const fields = line.trim().split(/\s+/)
      return fields[1]?.endsWith(local) && fields[3] === '01'
    }).length
}
