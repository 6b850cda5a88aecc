import { mkdir, mkdtemp } from 'node:fs/promises'
import path from 'node:path'
import { AT, PORTS } from '../matrix/world.ts'
import type { Surroundings } from '../support/peers/client.ts'
import { LABELS, type Label, PASSWORD, type PolicyWorld } from './world.ts'

export type PlaceMode = 'relay' | 'intercept'

let counted = 0

/** Where a case runs: a mode of the world, and names that nobody else asks for. */
export interface Place {
  readonly world: PolicyWorld
  readonly mode: PlaceMode
  /** A new name under `parent`: `fine.test` or `bad.test`, as policies here have it. */
  name(parent: string): string
  directory(label?: Label): string
  /** What HTTPS_PROXY would say; undefined in relay. */
  proxy(label?: Label): string | undefined
  /** A folder of its own for a client that is a program. */
  surroundings(label?: Label): Promise<Surroundings>
}

export function placeIn(world: PolicyWorld, mode: PlaceMode): Place {
  const directory = (label: Label = 'usual'): string =>
    mode === 'relay' ? `https://${LABELS[label].host}:${PORTS.acme}/dir` : world.directory('intercept')
  const proxy = (label: Label = 'usual'): string | undefined =>
    mode === 'relay'
      ? undefined
      : `http://${LABELS[label].user}:${PASSWORD}@${LABELS.usual.host}:${PORTS.proxy}`
  return {
    world,
    mode,
    directory,
    proxy,
    name(parent) {
      counted += 1
      return `n${counted}.${parent}`
    },
    async surroundings(label) {
      const clients = path.join(world.folder, 'clients')
      await mkdir(clients, { recursive: true })
      const folder = await mkdtemp(path.join(clients, `${mode}-`))
      const { httpPort, tlsPort, dnsManagement, dnsServer } = world.pebble
      const way = proxy(label)
      return {
        folder,
        directory: directory(label),
        trust: world.trust(mode),
        hosts: world.hosts(mode),
        webroot: world.webroot,
        dnsManagement,
        dnsServer,
        listens: { address: AT.ca, httpPort, tlsPort },
        ...(way === undefined ? {} : { proxy: way }),
      }
    },
  }
}
