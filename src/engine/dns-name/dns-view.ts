import { DnsFailure, type DnsPlace } from '../../ca/dns/ask.ts'
import { createResolver, parsePlace, systemResolvers } from '../../ca/dns/resolver.ts'
import type { SolverConfig } from '../../config/engine-solvers.ts'
import { stopped } from '../abortable.ts'
import { EngineError } from '../engine-error.ts'
import type { SolverContext } from '../solver.ts'
import { LocateFailure, type Location, locate } from './locate.ts'
import {
  type Judge,
  lookAt,
  resolversAsked,
  type SightOf,
  serversOfZone,
  type Watched,
} from './visibility.ts'

export interface DnsViewDeps {
  /** Asked where the configuration names none; left out: the system's. */
  readonly resolvers?: readonly DnsPlace[]
  /** Of authoritative servers; left out: 53. */
  readonly port?: number
  /** Milliseconds for one DNS question; left out: 3 s. */
  readonly patience?: number
}

/** The DNS as a solver looks at it: as its configuration says, from this machine. */
export interface DnsView {
  /** Where a record of this name really has to be. `about`: the identifier. Rejects with EngineError. */
  find(wanted: string, about: string, context: SolverContext): Promise<Location>
  /** Whom to ask for it, and for which name. Rejects with EngineError where there is nobody. */
  watched(wanted: string, about: string, context: SolverContext): Promise<Asked>
  /** What each of them says; rejects with EngineError (`aborted`) once the signal is. */
  look(servers: readonly Watched[], asked: string, judge: Judge, signal: AbortSignal): Promise<SightOf[]>
}

export interface Asked {
  readonly asked: string
  readonly servers: readonly Watched[]
}

const PATIENCE = 3_000

export function createDnsView(
  solver: string,
  { check, resolvers }: Pick<SolverConfig['propagation'], 'check' | 'resolvers'>,
  deps: DnsViewDeps,
): DnsView {
  const configured = resolvers.flatMap((text) => parsePlace(text) ?? [])
  const places = configured.length > 0 ? configured : (deps.resolvers ?? systemResolvers())
  const patience = deps.patience ?? PATIENCE
  const failed = (about: string, what: string) =>
    new EngineError('solver', `solver ${solver} for ${about}: ${what}`, { name: about })

  const find: DnsView['find'] = async (wanted, about, { signal, progress }) => {
    try {
      const resolver = createResolver(places, patience, signal)
      return await locate(wanted, { resolver, port: deps.port ?? 53, patience, signal })
    } catch (error) {
      if (signal.aborted) throw stopped()
      if (!(error instanceof DnsFailure || error instanceof LocateFailure)) throw error
      if (check === 'none' && error instanceof DnsFailure) {
        progress(`${wanted} is taken as it is: ${error.message}`)
        return { owner: wanted, chain: [], zone: null }
      }
      throw failed(about, `where ${wanted} leads to cannot be found: ${error.message}`)
    }
  }

  return {
    find,
    async watched(wanted, about, context) {
      if (check === 'resolvers') {
        if (places.length > 0) return { asked: wanted, servers: resolversAsked(places) }
        throw failed(about, 'there is no resolver to ask: name one in propagation.resolvers')
      }
      const { owner, zone } = await find(wanted, about, context)
      const servers = zone === null ? [] : serversOfZone(zone)
      if (servers.length > 0) return { asked: owner, servers }
      throw failed(
        about,
        `no server of the zone of ${owner} can be asked: let UDP and TCP port 53 out, or set propagation.check to resolvers`,
      )
    },
    async look(servers, asked, judge, signal) {
      const sights = await lookAt(servers, asked, judge, patience, signal)
      if (signal.aborted) throw stopped()
      return sights
    },
  }
}
