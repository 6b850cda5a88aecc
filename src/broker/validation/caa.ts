import { AcmeProblem } from '../../acme/problem.ts'
import { climb } from '../../ca/dns/authorities.ts'
import { type CaaRecord, judgeCaa, type Verdict } from '../../engine/preflight/caa.ts'
import type { ValidationRequest } from '../validate.ts'
import { DnsProblem, lookUp } from './look-up.ts'
import type { Perspective } from './perspective.ts'
import { prefixed, quoted } from './words.ts'

/**
 * RFC 8659, RFC 8657: the CAA records of the name, or of the nearest parent that has any, permit one of our identities, this
 * account and this method. Rejects with AcmeProblem (`caa`; `dns` where it could not be found out).
 */
export async function checkCaa(request: ValidationRequest, perspective: Perspective): Promise<void> {
  const { identifier, wildcard, type, caaIdentities, accountUrl } = request
  // RFC 8738 §5: addresses have none.
  if (identifier.type !== 'dns') return
  try {
    const { owner, records } = await relevantSet(identifier.value, perspective)
    const verdict = judgeCaa(records, {
      domains: caaIdentities,
      account: accountUrl,
      challenge: type,
      wildcard,
    })
    if (verdict.verdict === 'allowed' || verdict.verdict === 'unrestricted') return
    throw new AcmeProblem('caa', `CAA record for ${owner} prevents issuance${reason(verdict, request)}`)
  } catch (error) {
    if (!(error instanceof AcmeProblem)) throw error
    throw prefixed(`While processing CAA for ${wildcard ? '*.' : ''}${identifier.value}: `, error)
  }
}

/** All are asked at once: a name may have many parents, and time is short. */
async function relevantSet(
  name: string,
  perspective: Perspective,
): Promise<{ readonly owner: string; readonly records: readonly CaaRecord[] }> {
  const candidates = climb(name)
  const answers = await Promise.allSettled(candidates.map((candidate) => recordsOf(candidate, perspective)))
  for (const [index, answer] of answers.entries()) {
    // RFC 8659 §3: what could not be asked may hide a record.
    if (answer.status === 'rejected') throw answer.reason
    if (answer.value.length > 0) return { owner: candidates[index]!, records: answer.value }
  }
  return { owner: name, records: [] }
}

async function recordsOf(name: string, perspective: Perspective): Promise<readonly CaaRecord[]> {
  try {
    const found = await lookUp(perspective, name, 'CAA')
    return found.map(({ data }) => ({ flags: data.flags ?? 0, tag: data.tag, value: data.value }))
  } catch (error) {
    if (error instanceof DnsProblem && error.rcode === 'NXDOMAIN') return []
    throw error
  }
}

/** Behind Boulder's words, which say no more: why. */
function reason(verdict: Verdict, { type, accountUrl, caaIdentities }: ValidationRequest): string {
  if (verdict.verdict !== 'refused') return ''
  const values = verdict.values
    .slice(0, 3)
    .map((value) => quoted(value, 100))
    .join(', ')
  switch (verdict.why) {
    case 'critical':
      return `: a critical record of a kind that is not known: ${values}`
    case 'nobody':
      return ': it permits nobody'
    case 'malformed':
      return `: it does not fit the grammar: ${values}`
    case 'issuer':
      return `: it permits ${values}, not ${caaIdentities.join(', ') || 'this server'}`
    case 'account':
      return `: it permits the account ${values}, not ${accountUrl}`
    case 'method':
      return `: it permits the methods ${values}, not ${type}`
  }
}
