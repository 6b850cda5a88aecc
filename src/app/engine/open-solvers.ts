import type { ServiceClient } from '../../ca/service-client.ts'
import type { EngineConfig } from '../../config/engine.ts'
import { SOLVER_SECRETS, type SolverConfig } from '../../config/engine-solvers.ts'
import { readSecret } from '../../config/secrets.ts'
import type { Solver } from '../../engine/solver.ts'
import type { SolverFor, SolverNamed } from '../../engine/solver-for.ts'
import { chooseSolver } from '../../engine/solvers/choose-solver.ts'
import { solverOf } from '../../engine/solvers/solver-of.ts'
import type { Clock } from '../../exchange/clock.ts'
import type { Closing } from '../closing.ts'
import type { InForce } from '../reload.ts'
import type { OpenDns } from './open-dns.ts'

interface Parts {
  readonly inForce: () => InForce
  readonly services: ServiceClient
  readonly dns: OpenDns
  readonly clock: Clock
}

export interface OpenSolvers {
  readonly solverFor: SolverFor
  readonly solverNamed: SolverNamed
  /** Binds what they listen on; without it that waits for the first challenge. */
  listen(): Promise<void>
}

/** The solvers of the configuration, made at the start; which answers for which name is asked of what is in force. */
export function openSolvers({ inForce, services, dns, clock }: Parts, closing: Closing): OpenSolvers {
  const { engine } = inForce().config
  const { responder, publisher } = dns
  const inZone = (name: string) =>
    responder !== null && (name === responder.zone || name.endsWith(`.${responder.zone}`))
  const solvers = engine.solvers.map((solver) =>
    solverOf(withSecrets(solver), {
      wayOut: () => inForce().wayOut,
      services,
      clock,
      dns: { elsewhere: (name) => (inZone(name) ? publisher : null) },
      responder: publisher,
    }),
  )
  closing.add(() => Promise.all(solvers.map((solver) => solver.close?.())))
  const named = new Map<string, Solver>(solvers.map((solver) => [solver.name, solver]))
  let chosen: { readonly by: EngineConfig['challenges']; readonly solverFor: SolverFor } | null = null
  return {
    solverFor: (...given) => {
      const { challenges } = inForce().config.engine
      if (chosen?.by !== challenges) chosen = { by: challenges, solverFor: chooseSolver(solvers, challenges) }
      return chosen.solverFor(...given)
    },
    solverNamed: (name) => named.get(name) ?? null,
    async listen() {
      for (const solver of solvers) await solver.listen?.()
    },
  }
}

/** Secrets that lie in files take the place of their names. Throws the file system's error. */
function withSecrets(solver: SolverConfig): SolverConfig {
  let whole: Record<string, unknown> = solver
  for (const { kind, key } of SOLVER_SECRETS) {
    const settings = whole[kind] as Readonly<Record<string, unknown>> | undefined
    const file = settings?.[`${key}_file`]
    if (typeof file === 'string')
      whole = { ...whole, [kind]: { ...settings, [key]: readSecret({ value: undefined, file }, key) } }
  }
  return whole as SolverConfig
}
