import type { EndpointState } from '../../../src/alerts/endpoint.ts'
import type { Look } from '../../../src/alerts/look.ts'
import type { AlertSettings, Occurrence } from '../../../src/alerts/rule.ts'
import { STATE_RULES } from '../../../src/alerts/rules/state-rules.ts'
import type { CaVitals } from '../../../src/alerts/vitals.ts'
import { stateLook } from '../../../src/store/sqlite/alerts/state-look.ts'
import { random } from '../../soak/soak.ts'
import { FleetHost, type FleetWorld, type Sent } from './fleet-host.ts'
import { type FleetCertificate, FleetInventory } from './fleet-inventory.ts'
import { PROGRAMS, windowOf } from './fleet-programs.ts'
import { BEGIN, caOf, DAY, endpointOf, HOUR, lookAt, MINUTE, SETTINGS, vitalsOf } from './how-things-stand.ts'

export interface FleetOptions {
  readonly hosts: number
  readonly days: number
  readonly seed: number
  /** ms between two looks of the rules. */
  readonly every: number
  /** Hosts that go off for ever in the second week, and that can't validate from the beginning. */
  readonly dead: number
  readonly failing: number
  readonly settings?: AlertSettings
  readonly progress?: (line: string) => void
}

/** Something that nobody had planted. */
export interface FleetAlert {
  readonly at: number
  readonly rule: string
  readonly title: string
}

export interface Planted {
  readonly what: 'dead' | 'failing'
  readonly program: string
  readonly from: number
  /** When it must be found, by what the rules promise. */
  readonly due: number
  found: { readonly at: number; readonly rule: string } | null
}

export interface FleetReport {
  readonly falseAlarms: readonly FleetAlert[]
  readonly planted: readonly Planted[]
  /** ca-down, while the CA was being maintained. */
  readonly maintenanceTold: number
  readonly renewals: number
  readonly exchanges: number
  readonly looks: number
  /** ms of the slowest look of all rules together. */
  readonly slowest: number
}

const STEP = 10 * MINUTE
const FIVE_MINUTES = 5 * MINUTE

/**
 * A fleet over some weeks, by a clock of its own: programs renew as they do, hosts restart, nonces are refused, a
 * validation fails and succeeds soon after, the CA is maintained for ten minutes. The rules look at an inventory that
 * it writes.
 */
export function simulateFleet(options: FleetOptions): FleetReport {
  const { hosts: size, days, seed, every, settings = SETTINGS, progress = () => {} } = options
  const draw = random(seed)
  const inventory = new FleetInventory()
  const end = BEGIN + days * DAY
  const maintenance = { from: BEGIN + 12 * DAY + 9 * HOUR, until: BEGIN + 12 * DAY + 9 * HOUR + 10 * MINUTE }
  let recent: Sent[] = []
  let exchanges = 0
  const world: FleetWorld = {
    inventory,
    draw,
    sent(one) {
      exchanges++
      recent.push(one)
    },
    isUnderMaintenance: (ca, at) => ca === 'public' && at >= maintenance.from && at < maintenance.until,
  }
  const hosts: FleetHost[] = []
  inventory.db.transaction(() => {
    for (const { of, count } of shares(size)) {
      for (let n = 0; n < count; n++) hosts.push(new FleetHost(hosts.length, of, BEGIN, end, world))
    }
  })()
  const planted = new Map<FleetHost, Planted>()
  plantFailing(hosts, planted, options.failing, end, every)
  const watched = new Watched(hosts)
  let now = BEGIN
  const look: Look = {
    ...lookAt({}),
    ...stateLook(inventory.db, inventory.record, () => now),
    endpoints: () => watched.states,
  }
  let firing = new Set<string>()
  const falseAlarms: FleetAlert[] = []
  let [maintenanceTold, looks, slowest] = [0, 0, 0]

  const judge = (occurrence: Occurrence) => {
    const { rule, title, subject, evidence } = occurrence
    const host = hostOf(hosts, subject.client, evidence.certificate)
    const fault = host && planted.get(host)
    if (fault && now >= fault.from) fault.found ??= { at: now, rule }
    else if (rule === 'ca-down' && now >= maintenance.from && now < maintenance.until + FIVE_MINUTES)
      maintenanceTold++
    else falseAlarms.push({ at: now, rule, title })
  }
  for (; now < end; now += STEP) {
    inventory.db.transaction(() => {
      for (const host of hosts) host.step(now)
    })()
    recent = recent.filter(({ at }) => at > now - FIVE_MINUTES)
    if (now === BEGIN + 7 * DAY) plantDead(hosts, planted, options.dead, now, end, every)
    if ((now - BEGIN) % DAY === 0) {
      watched.probe(now)
      progress(`day ${(now - BEGIN) / DAY}: ${exchanges} exchanges, ${falseAlarms.length} false alarms`)
    }
    const isMaintained = now >= maintenance.from && now < maintenance.until + HOUR
    if ((now - BEGIN) % every !== 0 && !isMaintained) continue
    const vitals = vitalsOf(now, { cas: vitalsOfCas(recent, draw) })
    const began = performance.now()
    const seen = STATE_RULES.flatMap((rule) => [...rule.occurrences(now, settings, look, vitals)])
    slowest = Math.max(slowest, performance.now() - began)
    looks++
    for (const one of seen) if (!firing.has(`${one.rule} ${one.key}`)) judge(one)
    firing = new Set(seen.map(({ rule, key }) => `${rule} ${key}`))
  }
  const renewals = Number(
    inventory.db.prepare('select count(*) from certificates where replaces is not null').pluck().get(),
  )
  inventory.close()
  return { falseAlarms, planted: [...planted.values()], maintenanceTold, renewals, exchanges, looks, slowest }
}

function shares(size: number): { of: (typeof PROGRAMS)[number]; count: number }[] {
  return PROGRAMS.map((of) => ({ of, count: Math.max(1, Math.round((of.share * size) / 100)) }))
}

function hostOf(
  hosts: readonly FleetHost[],
  client: string | null,
  certificate: string | null,
): FleetHost | undefined {
  return hosts.find(
    (host) =>
      (client !== null && host.client.key === client) ||
      host.held.some((held) => held.certificate.fingerprint === certificate),
  )
}

/** Those whose certificates come so near to their end within the time that it must be told. */
function plantFailing(
  hosts: readonly FleetHost[],
  planted: Map<FleetHost, Planted>,
  count: number,
  end: number,
  every: number,
): void {
  for (const host of hosts) {
    if (planted.size === count) return
    const { program, held } = host
    const due = Math.min(...held.map(({ certificate }) => certificate.notAfter)) - 21 * DAY
    if (program.life < 60 * DAY || due > end - DAY) continue
    host.fails = true
    planted.set(host, {
      what: 'failing',
      program: program.program,
      from: BEGIN,
      due: due + every,
      found: null,
    })
  }
}

/** One of each program in turn, as long as the rules promise to find it before the end. */
function plantDead(
  hosts: readonly FleetHost[],
  planted: Map<FleetHost, Planted>,
  count: number,
  now: number,
  end: number,
  every: number,
): void {
  const candidates = hosts
    .filter((host) => !planted.has(host))
    .map((host) => ({ host, due: Math.max(now, foundBy(host, now)) + every }))
    .filter(({ due }) => due < end)
  for (let n = 0; n < count && candidates.length > 0; n++) {
    const program = PROGRAMS[n % PROGRAMS.length]!
    const at = Math.max(
      0,
      candidates.findIndex(({ host }) => host.program === program),
    )
    const [{ host, due }] = candidates.splice(at, 1) as [(typeof candidates)[number]]
    host.deadFrom = now
    planted.set(host, { what: 'dead', program: host.program.program, from: now, due, found: null })
  }
}

/** By its silence, or by the first of its certificates that is not renewed. */
function foundBy({ program, held, lastSeen }: FleetHost, now: number): number {
  const { asks, jitter, life, ca } = program
  // A day off may have been its longest pause.
  const silent =
    asks === null ? Number.POSITIVE_INFINITY : lastSeen + Math.max(3 * DAY, 3 * (asks + jitter + DAY + STEP))
  const overdue = held.map(({ certificate, habit }) => {
    const { notBefore, notAfter } = certificate
    const isShort = life < 10 * DAY
    const said =
      ca === 'public' ? windowOf(notBefore, notAfter).end : notBefore + life * (isShort ? 1 / 2 : 2 / 3)
    const due = Math.max(said, notBefore + life * Math.min(habit ?? 0, 0.95))
    const margin = life * (isShort ? 0.2 : 0.05)
    return Math.max(now, due + (habit === null && life >= 60 * DAY ? Math.max(margin, 7 * DAY) : margin))
  })
  return Math.min(silent, ...overdue)
}

function vitalsOfCas(recent: readonly Sent[], draw: () => number): CaVitals[] {
  return ['public', 'internal'].map((ca) => {
    const own = recent.filter((one) => one.ca === ca)
    const serverErrors = own.filter(({ failed }) => failed).length
    const p50 = 100 + draw() * 400
    return caOf(ca, {
      exchanges: own.length,
      serverErrors,
      error: serverErrors > 0 ? 'Service busy; retry later.' : null,
      p50: own.length === 0 ? null : p50,
      p95: own.length === 0 ? null : p50 * (2 + draw() * 6),
      skew: own.length === 0 ? null : (draw() - 0.5) * 4_000,
    })
  })
}

/** Some hosts are looked at once a day; most load what is new at once, some with the next night. */
class Watched {
  readonly #places: {
    readonly host: FleetHost
    readonly slow: boolean
    served: FleetCertificate
    since: number
  }[]
  states: EndpointState[] = []

  constructor(hosts: readonly FleetHost[]) {
    this.#places = hosts
      .filter((host, n) => n % 5 === 0 && host.program.life > 2 * DAY)
      .map((host, n) => ({ host, slow: n % 10 === 0, served: host.held[0]!.certificate, since: 0 }))
  }

  probe(now: number): void {
    this.states = this.#places.map((place, n) => {
      const newest = place.host.held[0]!.certificate
      const renewed = newest.notBefore
      if (newest !== place.served && (!place.slow || now - renewed > 11 * HOUR)) place.served = newest
      const { fingerprint, notBefore, notAfter } = place.served
      const isNewer = newest !== place.served
      return endpointOf({
        endpoint: `host-${n}.example:443`,
        probed: new Date(now).toISOString(),
        served: { fingerprint, notBefore: iso(notBefore), notAfter: iso(notAfter) },
        newer: isNewer ? { fingerprint: newest.fingerprint, serial: '0b', firstSeen: iso(renewed) } : null,
      })
    })
  }
}

function iso(at: number): string {
  return new Date(at).toISOString()
}
