import { readFileSync } from 'node:fs'
import type { DirectoryView } from '../ca/directory-keeper.ts'
import type { CaConnection } from '../ca/dispatcher.ts'
import { PRESETS } from '../config/presets.ts'
import type { Config } from '../config/schema.ts'
import type { DirectoryTargets } from '../exchange/classify.ts'
import type { Destination } from '../exchange/exchange.ts'

/** What a configuration says of where requests go. One value, replaced as a whole on reload. */
export interface Routing {
  readonly cas: readonly CaConnection[]
  /** By authority, byte for byte. */
  readonly destinations: ReadonlyMap<string, Destination>
  readonly directories: DirectoryTargets
  readonly views: readonly DirectoryView[]
}

/** Reads the trust files the configuration names; `config` has been checked, so they are there and are PEM. */
export function routingOf(config: Config): Routing {
  const cas: CaConnection[] = []
  const views: DirectoryView[] = []
  const directories = new Map<string, readonly string[]>()
  for (const [name, ca] of Object.entries(config.cas)) {
    const urls = ca.directory.map((url) => new URL(url))
    const [first] = urls
    if (!first) continue
    const trust = ca.trust === undefined ? null : readFileSync(ca.trust, 'utf8')
    cas.push({ name, origin: first.origin, trust, timeout: ca.timeout })
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
  const destinations = new Map(config.relay.map(({ host, ca }) => [host, { ca, authority: host }]))
  return { cas, destinations, directories, views }
}

const UNKNOWN_CA =
  'Relay works with CAs that build their URLs from the Host header (Boulder, Pebble, step-ca). Let clients call this CA directly.'
