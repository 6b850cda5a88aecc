import { readFileSync } from 'node:fs'
import type { DirectoryView } from '../ca/directory-keeper.ts'
import type { CaConnection } from '../ca/dispatcher.ts'
import { caEgressOf } from '../ca/egress-proxy.ts'
import { type Pacing, PRESETS, presetOf } from '../config/presets.ts'
import type { Config } from '../config/schema.ts'
import type { DirectoryTargets } from '../exchange/classify.ts'
import type { Connection } from '../exchange/connection.ts'
import type { Destination } from '../exchange/exchange.ts'
import { interceptedNames } from '../interception/intercepted-names.ts'
import type { SubjectNames } from '../interception/name-constraints.ts'
import { type OtherHosts, otherHosts } from '../policy/other-hosts.ts'
import { InterceptedHosts } from './intercepted-hosts.ts'

/** What a configuration says of where requests go. One value, replaced as a whole on reload. */
export interface Routing {
  readonly cas: readonly CaConnection[]
  /** The CA a request is for, by the authority it names, byte for byte, and the connection it came by. */
  destinationOf(authority: string | null, connection: Connection): Destination | null
  /** Host name of a configured CA, as its URL has it; null for a name that is not configured. */
  hostOf(ca: string): string | null
  readonly directories: DirectoryTargets
  readonly views: readonly DirectoryView[]
  readonly pacing: ReadonlyMap<string, Pacing>
  readonly intercepted: InterceptedHosts
  /** Hosts the interception certificates are for. */
  readonly interceptedNames: SubjectNames
  readonly otherHosts: OtherHosts
}

/** Reads the files the configuration names; `config` has been checked, so they are there and are what they should be. */
export function routingOf(config: Config): Routing {
  const cas: CaConnection[] = []
  const views: DirectoryView[] = []
  const directories = new Map<string, readonly string[]>()
  const pacing = new Map<string, Pacing>()
  for (const [name, ca] of Object.entries(config.cas)) {
    const urls = ca.directory.map((url) => new URL(url))
    const [first] = urls
    if (!first) continue
    const trust = ca.trust === undefined ? null : readFileSync(ca.trust, 'utf8')
    const { timeout, addresses } = ca
    cas.push({ name, origin: first.origin, trust, timeout, addresses, egress: caEgressOf(ca.egress) })
    pacing.set(name, ca.pacing ?? presetOf(ca.preset)?.pacing ?? {})
    const targets = urls.map((url) => `${url.pathname}${url.search}`)
    directories.set(name, targets)
    const advice = ca.preset ? PRESETS[ca.preset].advice : UNKNOWN_CA
    const hosts = config.relay.filter((relay) => relay.ca === name).map(({ host }) => host)
    for (const target of targets) {
      views.push({ destination: { ca: name, authority: first.host }, target, relay: false, advice })
      for (const host of hosts)
        views.push({ destination: { ca: name, authority: host }, target, relay: true, advice })
    }
  }
  const relays = new Map(config.relay.map(({ host, ca }) => [host, { ca, authority: host }]))
  const intercepted = new InterceptedHosts(cas.filter(({ name }) => config.intercept.cas.includes(name)))
  return {
    cas,
    destinationOf: (authority, { mode, intercepted: takenOver }) => {
      if (authority === null) return null
      if (mode !== 'intercept') return relays.get(authority) ?? null
      if (takenOver === null || !isSameHost(authority, takenOver)) return null
      const ca = intercepted.caOf(takenOver)
      return ca === null ? null : { ca, authority }
    },
    hostOf: (ca) => {
      const origin = cas.find(({ name }) => name === ca)?.origin
      return origin === undefined ? null : new URL(origin).hostname
    },
    directories,
    views,
    pacing,
    intercepted,
    interceptedNames: interceptedNames(config),
    otherHosts: otherHosts(config.intercept.other_hosts),
  }
}

/** As the CA's URL has it, but for case and a port that https has anyway: what the client wrote goes to the CA. */
function isSameHost(authority: string, own: string): boolean {
  const written = authority.toLowerCase()
  return written === own || (written === `${own}:443` && !/:\d+$/.test(own))
}

const UNKNOWN_CA =
  'Relay works with CAs that build their URLs from the Host header (Boulder, Pebble, step-ca). Let clients call this CA directly.'
