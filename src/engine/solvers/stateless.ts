/** http-01 by sites that answer every token for one account key by themselves (static-lines.ts). Nothing is presented. */
import { randomBytes } from 'node:crypto'
import { isIP } from 'node:net'
import { whyNotPublic } from '../../ca/address-class.ts'
import { refuseLiteral } from '../../ca/address-guard.ts'
import type { WayOut } from '../../ca/dial.ts'
import { createResolver, systemResolvers } from '../../ca/dns/resolver.ts'
import type { SolverConfig } from '../../config/engine-solvers.ts'
import { oneLine } from '../one-line.ts'
import { type Walk, walk } from '../preflight/http-chain.ts'
import type { Attempt, Solver } from '../solver.ts'
import { hostOf } from './http-host.ts'
import { solverError, systemFault, throwIfAborted } from './solver-error.ts'
import { staticLines } from './static-lines.ts'
import { CHALLENGE_PATH, tokenOf } from './token.ts'

export type StatelessSettings = NonNullable<SolverConfig['stateless']>

export interface StatelessDeps {
  readonly wayOut: () => WayOut
  /** Ports that a CA would ask. */
  readonly ports?: { readonly http: number; readonly https: number }
}

/** ms for one DNS question and one answer of the site. */
const PATIENCE = { dns: 5_000, answer: 10_000 }
const MOST_ADDRESSES = 8

export function createStateless(name: string, { probe }: StatelessSettings, deps: StatelessDeps): Solver {
  const solver: Solver = {
    name,
    types: ['http-01'],
    async present(attempt, { signal }) {
      throwIfAborted(signal, name, attempt.identifier.value)
      tokenOf(attempt, name)
    },
    async cleanUp() {
      // Nothing was presented.
    },
  }
  if (!probe) return solver
  return {
    ...solver,
    async ready(attempt, { signal, progress }) {
      const token = randomBytes(32).toString('base64url')
      const thumbprint = attempt.keyAuthorization.slice(tokenOf(attempt, name).length + 1)
      const walks = await asked(attempt, token, name, deps, signal)
      throwIfAborted(signal, name, attempt.identifier.value)
      for (const one of walks) {
        const fault = faultOf(one, `${token}.${thumbprint}`)
        if (fault !== null) throw solverError(name, attempt.identifier.value, advice(fault, thumbprint))
      }
      progress(`the site answers for this account at ${walks.map(({ address }) => address).join(', ')}`)
    },
  }
}

/** Every address of the name, for a token nobody made; redirects are followed as a CA does. */
async function asked(
  { identifier }: Attempt,
  token: string,
  solver: string,
  { wayOut, ports = { http: 80, https: 443 } }: StatelessDeps,
  signal: AbortSignal,
): Promise<readonly Walk[]> {
  const host = hostOf(identifier)
  const { resolve, own } = wayOut()
  let addresses: readonly string[]
  try {
    addresses = (await resolve(host, signal)).slice(0, MOST_ADDRESSES)
    for (const address of addresses) refuseLiteral(address)
  } catch (error) {
    throwIfAborted(signal, solver, identifier.value)
    throw solverError(
      solver,
      identifier.value,
      `${oneLine(systemFault(error))}. Make an A or AAAA record for it, or set probe: false where only the CA can see it`,
    )
  }
  const mine = addresses.find((address) => own.holds(address, ports.http))
  if (mine !== undefined)
    throw solverError(
      solver,
      identifier.value,
      `${mine} port ${ports.http} is acmetap itself, which serves no site. Use a solver of kind http there`,
    )
  const examination = {
    probe: { name: host, ports: { ...ports, dns: 53 }, notPublic: whyNotPublic, patience: PATIENCE },
    resolver: createResolver(systemResolvers(), PATIENCE.dns, signal),
    signal,
  }
  const walks = await Promise.all(
    addresses.map((address) => walk(examination, address, `${CHALLENGE_PATH}${token}`)),
  )
  return reachable(walks)
}

/** An address of a family that this machine does not have says nothing of the site, as long as another one does. */
function reachable(walks: readonly Walk[]): readonly Walk[] {
  const seen = walks.filter(
    ({ address, end }) => !(end.kind === 'failure' && end.reason === 'unreachable' && isIP(address) === 6),
  )
  return seen.length > 0 ? seen : walks
}

/** Null where the answer is the one a CA wants (white space at its end is allowed, RFC 8555 §8.3). */
function faultOf({ address, urls, end }: Walk, wanted: string): string | null {
  const place = `the site at ${address}${urls.length > 1 ? `, by way of ${oneLine(urls.at(-1) ?? '', 120)},` : ''}`
  if (end.kind !== 'answer') return `${place} ${oneLine(end.says, 200)}`
  if (end.status !== 200) return `${place} answers ${end.status}`
  if (end.body.trimEnd() === wanted) return null
  return `${place} answers with something else`
}

function advice(fault: string, thumbprint: string): string {
  const nginx = oneLine(staticLines(thumbprint).nginx)
  return `${fault}. Add to its configuration on port 80, for nginx: ${nginx} (others: acmetap engine accounts stateless), or set probe: false where only the CA can see it`
}
