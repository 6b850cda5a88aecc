/** What would make a CA refuse for certain is found before an attempt is spent at it. */
import { isIP } from 'node:net'
import type { Identifier } from '../../acme/identifier.ts'
import type { DiagnosisClass } from '../../audit/diagnosis/classes.ts'
import { type Finding, Findings } from '../../audit/diagnosis/finding.ts'
import type { DnsPlace } from '../../ca/dns/ask.ts'
import { createResolver, systemResolvers } from '../../ca/dns/resolver.ts'
import { stopped } from '../abortable.ts'
import { EngineError } from '../engine-error.ts'
import type { ChallengeType, SolverContext } from '../solver.ts'
import { examineAddresses } from './addresses.ts'
import { examineDnssec } from './dnssec.ts'
import type { DomainProbe, Examination, Issuer } from './examination.ts'
import { examineCaa } from './examine-caa.ts'

export interface PreflightRequest {
  readonly identifier: Identifier
  readonly wildcard: boolean
  /** By which the CA will validate. */
  readonly type: ChallengeType
  /** Null: not known; nothing is looked at then. */
  readonly issuer: Issuer | null
  readonly accountUrl: string
}

/**
 * Resolves where nothing speaks against it; what is merely odd goes to `progress`. Rejects with EngineError (`solver`):
 * what the CA would say, and what to do; or `aborted`.
 */
export type Preflight = (request: PreflightRequest, context: SolverContext) => Promise<void>

export interface PreflightDeps {
  /** Left out: the system's. */
  readonly resolvers?: readonly DnsPlace[]
  /** Of authoritative servers; left out: 53. */
  readonly port?: number
  readonly notPublic: (address: string) => string | null
}

/** No CA issues in spite of these. */
const DECISIVE = new Set<string>(['caa', 'nxdomain', 'no-address', 'dnssec'] satisfies DiagnosisClass[])
const PATIENCE = { dns: 2_000, answer: 10_000, all: 20_000 }

export function createPreflight({ resolvers, port = 53, notPublic }: PreflightDeps): Preflight {
  return async ({ identifier, wildcard, type, issuer, accountUrl }, { signal, progress }) => {
    const name = identifier.value.toLowerCase()
    const places = resolvers ?? systemResolvers()
    // A CA of one's own may see another DNS than this machine, and need not look at CAA.
    if (issuer === null || !issuer.isPublic || isIP(name) !== 0 || places.length === 0) return
    const probe: DomainProbe = {
      name,
      wildcard,
      challenge: type === 'http-01' || type === 'tls-alpn-01' ? type : 'dns-01',
      issuer,
      account: accountUrl,
      resolvers: places,
      ports: { http: 80, https: 443, dns: port },
      notPublic,
      patience: PATIENCE,
    }
    const either = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE.all)])
    const findings = new Findings()
    const resolver = createResolver(places, PATIENCE.dns, either)
    const examination: Examination = { probe, resolver, findings, signal: either }
    if (probe.challenge !== 'dns-01') await examineAddresses(examination)
    await examineDnssec(examination)
    await examineCaa(examination, type)
    if (signal.aborted) throw stopped()
    report(name, findings.all, progress)
  }
}

function report(name: string, all: readonly Finding[], progress: SolverContext['progress']): void {
  const failed = all.filter(({ state }) => state === 'fail')
  // Where questions were not answered, nothing is certain: what follows from it is no verdict.
  const unanswered = failed.some(({ check }) => !DECISIVE.has(check))
  const decisive = unanswered ? undefined : failed.find(({ check }) => DECISIVE.has(check))
  for (const finding of failed) if (finding !== decisive) progress(`${finding.says}. ${finding.remedy}`)
  if (decisive !== undefined)
    throw new EngineError(
      'solver',
      `${name} is not tried, the CA would refuse it: ${decisive.says}. ${decisive.remedy}`,
      { name },
    )
}
