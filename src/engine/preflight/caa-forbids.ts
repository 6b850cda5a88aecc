import { isIP } from 'node:net'
import type { Identifier } from '../../acme/identifier.ts'
import type { DiagnosisClass } from '../../audit/diagnosis/classes.ts'
import { Findings } from '../../audit/diagnosis/finding.ts'
import type { DnsPlace } from '../../ca/dns/ask.ts'
import { createResolver } from '../../ca/dns/resolver.ts'
import type { Clock } from '../../exchange/clock.ts'
import type { ChallengeType } from '../solver.ts'
import type { Issuer } from './examination.ts'
import { examineCaa } from './examine-caa.ts'

export interface CaaQuestion {
  readonly identifier: Identifier
  readonly wildcard: boolean
  readonly type: ChallengeType
  readonly issuer: Issuer
  /** URL of acmetap's; null: not known yet. */
  readonly accountUrl: string | null
}

/** What in CAA records forbids this CA to issue, in one line; null where nothing does for certain. Never rejects. */
export type CaaForbids = (question: CaaQuestion) => Promise<string | null>

const CAA: DiagnosisClass = 'caa'
/** ms: it is asked before every order, and no order waits longer for a slow DNS. */
const PATIENCE = { dns: 1_000, answer: 1_500, all: 2_000 }
/** µs for which an answer is good, and how many are kept. */
const FRESH = 300_000_000
const MOST_KEPT = 10_000

/** `resolvers`: asked anew each time, so that a changed configuration counts. */
export function createCaaForbids(deps: {
  readonly resolvers: () => readonly DnsPlace[]
  readonly clock: Clock
}): CaaForbids {
  const kept = new Map<string, { readonly at: number; readonly says: Promise<string | null> }>()
  return (question) => {
    const { identifier, wildcard, type, issuer, accountUrl } = question
    // A CA of one's own may see another DNS than this machine, and need not look at CAA.
    if (!issuer.isPublic || identifier.type !== 'dns' || isIP(identifier.value) !== 0)
      return Promise.resolve(null)
    const key = JSON.stringify([identifier.value, wildcard, type, issuer.domains, accountUrl])
    const now = deps.clock.now().monotonic
    const known = kept.get(key)
    if (known !== undefined && now - known.at < FRESH) return known.says
    const says = look(question, deps.resolvers()).catch(() => null)
    const [oldest] = kept.keys()
    if (kept.size >= MOST_KEPT && oldest !== undefined) kept.delete(oldest)
    kept.delete(key)
    kept.set(key, { at: now, says })
    return says
  }
}

async function look(
  { identifier, wildcard, type, issuer, accountUrl }: CaaQuestion,
  resolvers: readonly DnsPlace[],
): Promise<string | null> {
  if (resolvers.length === 0) return null
  const name = identifier.value.toLowerCase()
  const signal = AbortSignal.timeout(PATIENCE.all)
  const findings = new Findings()
  const probe = {
    name,
    wildcard,
    challenge: type === 'http-01' || type === 'tls-alpn-01' ? type : ('dns-01' as const),
    issuer,
    account: accountUrl,
    resolvers,
    ports: { http: 80, https: 443, dns: 53 },
    notPublic: () => null,
    patience: PATIENCE,
  }
  await examineCaa(
    { probe, resolver: createResolver(resolvers, PATIENCE.dns, signal), findings, signal },
    type,
  )
  const failed = findings.all.filter(({ state }) => state === 'fail')
  // Where questions were not answered, nothing is certain.
  const forbids = failed.every(({ check }) => check === CAA) ? failed[0] : undefined
  return forbids === undefined ? null : `${forbids.says}. ${forbids.remedy}`
}
