/** dns-01 (RFC 8555 §8.4) and dns-account-01 over a publisher: the record's place is found, then watched. */
import type { SolverConfig } from '../../config/engine-solvers.ts'
import { pause } from '../abortable.ts'
import { challengeRecordName, challengeRecordValue } from '../dns-name/challenge-record.ts'
import { createDnsView, type DnsViewDeps } from '../dns-name/dns-view.ts'
import { complaints, holds, passedOver, type SightOf, type Watched } from '../dns-name/visibility.ts'
import type { EngineError } from '../engine-error.ts'
import type { Publisher } from '../publisher.ts'
import type { Attempt, Solver, SolverContext } from '../solver.ts'
import { solverError } from './solver-error.ts'

export interface DnsDeps extends DnsViewDeps {
  /**
   * Who else serves a name, once aliases are followed: the responder its own zone. Null: nobody, so the solver's own
   * publisher writes it.
   */
  readonly elsewhere?: (name: string) => Publisher | null
}

export type DnsSettings = Pick<SolverConfig, 'type' | 'ttl' | 'propagation'>

/** Where nobody answers this often, nobody will. */
const ROUNDS_OF_SILENCE = 3

export function createDnsSolver(
  name: string,
  settings: DnsSettings,
  publisher: Publisher,
  deps: DnsDeps = {},
): Solver {
  const { propagation } = settings
  const view = createDnsView(name, propagation, deps)
  /** Where records of this process were put: an alias may be changed while they are there. */
  const placed = new Map<string, string>()
  const publisherOf = (owner: string) => deps.elsewhere?.(owner) ?? publisher
  const recordOf = ({ keyAuthorization }: Attempt, owner: string) => ({
    name: owner,
    value: challengeRecordValue(keyAuthorization),
    ttl: settings.ttl,
  })
  return {
    name,
    // Where the CA does not offer the one, the other.
    types: settings.type === 'dns-01' ? ['dns-01'] : ['dns-account-01', 'dns-01'],
    async present(attempt, context) {
      const wanted = challengeRecordName(attempt)
      const { owner, chain } = await view.find(wanted, attempt.identifier.value, context)
      if (chain.length > 0) context.progress(`delegated: ${[wanted, ...chain].join(' → ')}`)
      placed.set(attempt.url, owner)
      await publisherOf(owner).add(recordOf(attempt, owner), context.signal)
      context.progress(`TXT record published at ${owner}`)
    },
    async ready(attempt, context) {
      const { check, delay } = propagation
      if (check !== 'none') await watch(attempt, context)
      if (delay > 0) {
        context.progress(`waiting ${delay / 1000} s more, as configured`)
        await pause(delay, context.signal)
      }
    },
    async cleanUp(attempt, context) {
      const owner =
        placed.get(attempt.url) ??
        (await view.find(challengeRecordName(attempt), attempt.identifier.value, context)).owner
      await publisherOf(owner).remove(recordOf(attempt, owner), context.signal)
      placed.delete(attempt.url)
    },
    async close() {
      await publisher.close?.()
    },
  }

  async function watch(attempt: Attempt, context: SolverContext): Promise<void> {
    const until = performance.now() + propagation.timeout
    const judge = holds(challengeRecordValue(attempt.keyAuthorization))
    const about = attempt.identifier.value
    const { asked, servers } = await view.watched(challengeRecordName(attempt), about, context)
    const told = new Map<Watched, SightOf>()
    let silences = 0
    for (;;) {
      const open = servers.filter((server) => told.get(server)?.sight.state !== 'seen')
      for (const sight of await view.look(open, asked, judge, context.signal)) told.set(sight.server, sight)
      const sights = [...told.values()]
      const seen = sights.filter(({ sight }) => sight.state === 'seen')
      const missing = sights.filter(({ sight }) => sight.state === 'missing')
      if (missing.length === 0 && seen.length > 0) return report(seen.length, sights, asked, context)
      silences = missing.length + seen.length === 0 ? silences + 1 : 0
      if (silences >= ROUNDS_OF_SILENCE) throw silent(about, asked, sights)
      if (performance.now() + propagation.interval >= until) throw lagging(about, asked, sights)
      await pause(propagation.interval, context.signal)
    }
  }

  function silent(about: string, asked: string, sights: readonly SightOf[]): EngineError {
    return solverError(
      name,
      about,
      `the TXT record at ${asked} cannot be looked for: ${complaints(sights)}. Let UDP and TCP port 53 out, or set propagation.check to resolvers or none`,
    )
  }

  function lagging(about: string, asked: string, sights: readonly SightOf[]): EngineError {
    const having = sights.filter(({ sight }) => sight.state === 'seen').map(({ server }) => server.title)
    return solverError(
      name,
      about,
      `after ${propagation.timeout / 1000} s the TXT record at ${asked} is not everywhere: ${complaints(sights)}${having.length === 0 ? '' : `; ${having.join(', ')} has it`}. Look why (zone transfer, NOTIFY, a publisher that writes to another zone), or make propagation.timeout longer`,
    )
  }
}

function report(
  having: number,
  sights: readonly SightOf[],
  asked: string,
  { progress }: SolverContext,
): void {
  const others = passedOver(sights)
  const note = others.length === 0 ? '' : `; passed over: ${complaints(others)}`
  progress(`${having === 1 ? '1 server has' : `${having} servers have`} the record at ${asked}${note}`)
}
