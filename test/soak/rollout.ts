import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSecureContext } from 'node:tls'
import { type Pacing, PRESETS } from '../../src/config/presets.ts'
import { usageOf } from '../bench/process-usage.ts'
import { httpsTransport, type Transport } from '../support/acme-client.ts'
import { type Acmetap, askAdmin } from '../support/acmetap-process.ts'
import { startIntercepting } from '../support/intercepting-acmetap.ts'
import type { Counts } from '../support/limited-ca.ts'
import { startLimitedCaProcess } from '../support/limited-ca-process.ts'
import { proxiedTransport } from '../support/proxied-transport.ts'
import { type AccountKeyPair, makeAccountKey } from '../support/sign-jws.ts'
import { type FleetClient, type Run, runClient } from './rollout-client.ts'
import { quantile, random, type Soak, type SoakOptions, type SoakReport } from './soak.ts'

/** The fleet that Let's Encrypt's limits are set against; a smaller one meets limits that are smaller by as much. */
const FLEET = 8000
const WINDOW_MS = 60_000
/**
 * Certificates of six days are renewed after four and checked twice a day: the largest share that is due in any one
 * check. With 90 days it is one in 120.
 */
const DUE = 1 / 8
/** Let's Encrypt's New Registrations per IP Address, in three hours. */
const NEW_ACCOUNTS = 10
/** How long clients have patience (lego and Caddy): real time, as is the time acmetap lets a request wait. */
const PATIENCE_MS = 30_000
/** CPU that one request costs acmetap, CA and client together before anything was measured, µs. */
const GUESS = 1500
/** What a new connection costs, in requests: CONNECT and a TLS handshake, both sides of it. */
const CONNECTING = 4
/** Part of the machine that may be used: beyond it is not the limits that are waited for. */
const USABLE = 0.6

const ROLLOUT_MODES = ['intercept', 'relay'] as const
type RolloutMode = (typeof ROLLOUT_MODES)[number]

interface Variant {
  readonly name: string
  readonly addresses: number
  /** Every client issues, without asking whether it is due. */
  readonly all: boolean
}

interface Scene {
  readonly mode: RolloutMode
  readonly keys: readonly AccountKeyPair[]
  readonly stretch: number
  readonly seed: number
  readonly paced: boolean
}

const USUAL: Variant = { name: 'usual', addresses: 1, all: false }
/** One newNonce an issuance: 8,000 in a minute are 133.3 a second, and an address carries 19.6. */
const WORST: Variant = { name: 'worst', addresses: 7, all: true }

export const rollout: Soak = {
  proves: "a fleet behind one address meets none of Let's Encrypt's limits by address, and no client fails",
  unit: 'clients',
  size: FLEET,
  run: (options) => runRollout(options),
}

/**
 * `stretch`: the minute takes so many minutes, and all rates are slower by as much; worked out where it is 0. `paced`:
 * false lets acmetap send as it is asked to, which must fail.
 */
export async function runRollout(
  { size, seed, progress }: SoakOptions,
  {
    mode = modeOf(process.env.ROLLOUT_MODE),
    stretch = Number(process.env.ROLLOUT_STRETCH ?? 0),
    paced = true,
  }: { mode?: RolloutMode; stretch?: number; paced?: boolean } = {},
): Promise<SoakReport> {
  const keys = Array.from({ length: size }, () => makeAccountKey())
  const figures: Record<string, number | string> = { mode, clients: size }
  const failures: string[] = []
  let cost = GUESS
  for (const variant of [USUAL, WORST]) {
    const requests = size * (CONNECTING + (variant.all ? 9 : 2 + DUE * 8))
    const usable = availableParallelism() * shareOfCore() * USABLE
    const needed = (requests * cost) / (WINDOW_MS * 1000 * usable)
    const factor = stretch > 0 ? stretch : Math.max(1, Math.ceil(needed * 4) / 4)
    progress(`${variant.name}: ${size} clients in ${((WINDOW_MS * factor) / 1000).toFixed(0)} s`)
    const report = await play(variant, { mode, keys, stretch: factor, seed, paced }, progress)
    for (const [name, value] of Object.entries(report.figures)) figures[`${variant.name}: ${name}`] = value
    failures.push(...report.failures.map((failure) => `${variant.name}: ${failure}`))
    cost = report.cost
    const failed = report.figures['clients that failed']
    progress(`${variant.name}: over after ${report.figures.seconds} s, ${failed} clients failed`)
  }
  return { figures, failures, late: [] }
}

async function play(
  variant: Variant,
  { mode, keys, stretch, seed, paced }: Scene,
  progress: (line: string) => void,
): Promise<SoakReport & { cost: number }> {
  const folder = await mkdtemp(join(tmpdir(), 'acmetap-rollout-'))
  const limits = limitsFor(keys.length / FLEET, stretch)
  const clients = fleet(variant, keys, WINDOW_MS * stretch, seed)
  const ca = await startLimitedCaProcess(folder, {
    pacing: limits,
    newAccountsPerAddress: NEW_ACCOUNTS,
    newOrdersPerAccount: 300,
    accounts: keys.map(({ jwk, thumbprint }) => ({ jwk, thumbprint })).slice(0, accountsOf(clients)),
    due: DUE,
  })
  try {
    const acmetap = await startIntercepting({
      folder,
      directory: ca.directory,
      trust: ca.trust,
      sections: {
        ca: { pacing: paced ? limits : {} },
        egress: { addresses: egressOf(variant.addresses) },
      },
    })
    try {
      const { directory, open } = entryOf(mode, acmetap, ca.directory)
      const before = cpuOf(acmetap.pid, ca.pid)
      const own = process.cpuUsage()
      let ended = 0
      const ticker = setInterval(() => progress(`${variant.name}: ${ended} clients are done`), 10_000)
      const began = performance.now()
      const runs = await Promise.all(
        clients.map(async (client, i) => {
          const run = await runClient(client, directory, () => open(i))
          ended += 1
          return run
        }),
      )
      clearInterval(ticker)
      const seconds = (performance.now() - began) / 1000
      const { user, system } = process.cpuUsage(own)
      const after = cpuOf(acmetap.pid, ca.pid)
      const cpu = {
        acmetap: after.acmetap - before.acmetap,
        ca: after.ca - before.ca,
        clients: user + system,
      }
      const recorded = await exchangesOf(acmetap.adminUrl, mode)
      return judge(variant, stretch, seconds, runs, await ca.counts(), recorded, cpu)
    } finally {
      await acmetap.stop()
    }
  } finally {
    await ca.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

function judge(
  variant: Variant,
  stretch: number,
  seconds: number,
  runs: readonly Run[],
  counts: Counts,
  recorded: number,
  cpu: { acmetap: number; ca: number; clients: number },
): SoakReport & { cost: number } {
  const failures: string[] = []
  const failed = Map.groupBy(
    runs.flatMap(({ failure }) => (failure === null ? [] : [failure])),
    (failure) => failure,
  )
  for (const [failure, each] of failed) failures.push(`${each.length} clients failed: ${failure}`)
  let turnedAway = 0
  for (const [endpoint, byStatus] of Object.entries(counts)) {
    for (const [status, count] of Object.entries(byStatus)) {
      if (status !== '503' && status !== '429') continue
      turnedAway += count
      failures.push(`the CA answered ${count} requests for ${endpoint} with ${status}`)
    }
  }
  const answers = runs.reduce((sum, run) => sum + run.answers, 0)
  if (recorded !== answers) failures.push(`${answers} answers, and ${recorded} exchanges in the record`)
  const sent = (endpoint: keyof Counts) =>
    Object.values(counts[endpoint]).reduce((sum, count) => sum + count, 0)
  const slowest = runs.map((run) => run.slowest)
  const figures = {
    'egress addresses': variant.addresses,
    'stretched by': stretch,
    seconds: seconds.toFixed(1),
    'clients that failed': runs.filter(({ failure }) => failure !== null).length,
    certificates: runs.filter(({ issued }) => issued).length,
    'answers to clients': answers,
    'turned away by the CA': turnedAway,
    'directory requests sent': `${sent('directory')} for ${runs.length} clients`,
    'newNonce sent': sent('newNonce'),
    'newAccount sent': sent('newAccount'),
    'slowest answer p50, p99, max ms': [0.5, 0.99, 1].map((q) => quantile(slowest, q).toFixed(0)).join(', '),
    'CPU s acmetap, CA, clients': [cpu.acmetap, cpu.ca, cpu.clients]
      .map((us) => (us / 1e6).toFixed(1))
      .join(', '),
  }
  return {
    figures,
    failures,
    late: [],
    cost: (cpu.acmetap + cpu.ca + cpu.clients) / (answers + CONNECTING * runs.length),
  }
}

/** What part of a core this process gets: less than 1 where others keep the machine busy. */
function shareOfCore(): number {
  const [began, before] = [performance.now(), process.cpuUsage()]
  while (performance.now() - began < 2000);
  const { user, system } = process.cpuUsage(before)
  return Math.min(1, (user + system) / 1000 / (performance.now() - began))
}

/**
 * Let's Encrypt's limits for a fleet smaller by `share` in a time longer by `stretch`. Where time is compressed, bursts
 * shrink with the rates: how far arrivals may bunch, in seconds, stays what it is.
 */
function limitsFor(share: number, stretch: number): Pacing {
  const limits = Object.entries(PRESETS.letsencrypt.pacing).map(([endpoint, { rate, burst }]) => [
    endpoint,
    {
      rate: (rate * share) / stretch,
      burst: Math.max(2, Math.round((burst * share) / Math.min(1, stretch))),
    },
  ])
  return Object.fromEntries(limits) as Pacing
}

/** Each at a moment of its own, with a certificate and an account of its own; a few make their account first. */
function fleet(
  variant: Variant,
  keys: readonly AccountKeyPair[],
  windowMs: number,
  seed: number,
): FleetClient[] {
  const next = random(seed)
  const newcomers = Math.min(NEW_ACCOUNTS, Math.floor(keys.length / 80))
  return keys.map((key, i) => {
    const isNew = i >= keys.length - newcomers
    return {
      key,
      account: isNew ? null : i + 1,
      serial: variant.all || isNew ? null : Math.floor(next() * 65_536),
      name: `host${i}.fleet.test`,
      at: next() * windowMs,
    }
  })
}

function accountsOf(clients: readonly FleetClient[]): number {
  return clients.filter(({ account }) => account !== null).length
}

function egressOf(count: number): readonly string[] {
  return Array.from({ length: count }, (_, i) => `127.0.0.${i + 1}`)
}

function entryOf(
  mode: RolloutMode,
  acmetap: Acmetap & { readonly proxyPort: number; readonly interceptionRoot: string },
  caDirectory: string,
): { directory: string; open: (client: number) => Transport } {
  const userAgent = (client: number) => `fleet-client/${client % 7}`
  if (mode === 'relay') {
    const open = () => httpsTransport(acmetap.trust, { sockets: 1, timeoutMs: PATIENCE_MS })
    return { directory: acmetap.directory, open }
  }
  const trust = createSecureContext({ ca: acmetap.interceptionRoot })
  return {
    directory: caDirectory,
    open: (client) =>
      proxiedTransport({
        port: acmetap.proxyPort,
        trust,
        // Hosts of their own, as far as acmetap can see.
        from: `127.${1 + (client >> 16)}.${(client >> 8) & 255}.${client & 255 || 1}`,
        userAgent: userAgent(client),
        timeoutMs: PATIENCE_MS,
      }),
  }
}

/** Exchanges of clients that acmetap has completed, which are those in its record. */
async function exchangesOf(adminUrl: string, mode: RolloutMode): Promise<number> {
  const metrics = (await askAdmin(`${adminUrl}/metrics`))?.body ?? ''
  const lines = metrics.matchAll(/^acmetap_exchanges_total\{([^}]*)\} (\d+)/gm)
  let exchanges = 0
  for (const [, labels = '', count] of lines) {
    if (labels.includes(`mode="${mode}"`) && !labels.includes('operation="tunnel"'))
      exchanges += Number(count)
  }
  return exchanges
}

function cpuOf(acmetap: number, ca: number) {
  return { acmetap: usageOf(acmetap).cpu, ca: usageOf(ca).cpu }
}

function modeOf(text: string | undefined): RolloutMode {
  const mode = ROLLOUT_MODES.find((each) => each === (text ?? 'intercept'))
  if (!mode) throw new Error(`ROLLOUT_MODE must be one of ${ROLLOUT_MODES.join(', ')}`)
  return mode
}
