import { isIP } from 'node:net'
import type { Identifier } from '../../acme/identifier.ts'
import type { InventoriedCertificate } from '../../audit/inventory/certificate.ts'
import { NameSet } from '../../policy/names/name-set.ts'
import { isFault, normalise } from '../../policy/names/normalise.ts'
import type { Pattern } from '../../policy/names/pattern.ts'
import { renewalMoment } from '../managed/renewal-moment.ts'
import type { Condition, Flag, TextTerm, Where } from './where.ts'

/** What conditions are asked of. */
export interface Candidate {
  readonly certificate: InventoriedCertificate
  /** Proxy user or Host of the client that obtained it; null where it has none. */
  readonly label: string | null
  /** The engine keeps it, and the configuration still has it. */
  readonly managed: boolean
}

/** Made once for an expression, asked for every certificate. `now`: µs since 1970. */
export function evaluator(where: Where, now: number): (candidate: Candidate) => boolean {
  switch (where.kind) {
    case 'and': {
      const parts = where.parts.map((part) => evaluator(part, now))
      return (candidate) => parts.every((holds) => holds(candidate))
    }
    case 'or': {
      const parts = where.parts.map((part) => evaluator(part, now))
      return (candidate) => parts.some((holds) => holds(candidate))
    }
    case 'not': {
      const part = evaluator(where.part, now)
      return (candidate) => !part(candidate)
    }
    default:
      return conditionOf(where, now)
  }
}

function conditionOf(condition: Condition, now: number): (candidate: Candidate) => boolean {
  switch (condition.kind) {
    case 'flag':
      return (candidate) => isFlagged(candidate, condition.flag, now)
    case 'names':
      return namesIn(condition.pattern)
    case 'text':
      return textCondition(condition)
    case 'time': {
      const { term, operator, value } = condition
      return ({ certificate }) => {
        const at = microsOf(term === 'expires' ? certificate.notAfter : certificate.notBefore)
        if ('at' in value) return compares(at, operator, value.at)
        return compares(term === 'expires' ? at - now : now - at, operator, value.distance)
      }
    }
    case 'key':
      return ({ certificate }) => isOfKey(certificate, condition) !== condition.negated
  }
}

/** Whether it stands so at `now`. */
export function isFlagged({ certificate, managed }: Candidate, flag: Flag, now: number): boolean {
  const { revokedAt, replacedBy, source, identifiers } = certificate
  switch (flag) {
    case 'valid':
      return !hasEnded(certificate, now) && revokedAt === null && replacedBy === null
    case 'expired':
      return hasEnded(certificate, now)
    case 'revoked':
      return revokedAt !== null
    case 'replaced':
      return replacedBy !== null
    case 'managed':
      return managed
    case 'observed':
      return source === 'observed' && !managed
    case 'imported':
      return source === 'imported'
    case 'overdue':
      return !hasEnded(certificate, now) && isOverdue(certificate, now)
    case 'ari':
      return certificate.renewalWindow !== null && microsOf(certificate.renewalWindow.start) <= now
    case 'wildcard':
      return identifiers.some(({ value }) => value.startsWith('*.'))
  }
}

function hasEnded({ notAfter }: InventoriedCertificate, now: number): boolean {
  return microsOf(notAfter) <= now
}

/** A third of its life is left, or half of one under ten days: a client that works has renewed it. */
function isOverdue({ fingerprint, notBefore, notAfter }: InventoriedCertificate, now: number): boolean {
  const life = { fingerprint, notBefore: microsOf(notBefore), notAfter: microsOf(notAfter) }
  return renewalMoment(life, null).at <= now
}

function namesIn(pattern: Pattern): (candidate: Candidate) => boolean {
  const set = NameSet.of([pattern])
  return ({ certificate }) =>
    certificate.identifiers.some((identifier) => {
      const name = normalise(identifier)
      return !isFault(name) && set.covers(name)
    })
}

function textCondition({ term, operator, value }: Extract<Condition, { kind: 'text' }>) {
  const wanted = value.toLowerCase()
  const matches =
    operator === '~'
      ? (text: string) => text.toLowerCase().includes(wanted)
      : (text: string) => text === value || (isCaseless(term) && text.toLowerCase() === wanted)
  return (candidate: Candidate) => textsOf(candidate, term).some(matches) !== (operator === '!=')
}

function isCaseless(term: TextTerm): boolean {
  return term === 'name' || term === 'issuer' || term === 'label'
}

function textsOf({ certificate, label }: Candidate, term: TextTerm): readonly string[] {
  const { account, client, ca, profile, issuer, serial, fingerprint, identifiers } = certificate
  switch (term) {
    case 'name':
      return identifiers.map(spelt)
    case 'account':
      return account === null ? [] : [account.id, account.url]
    case 'client':
      return present(client)
    case 'label':
      return present(label)
    case 'ca':
      return present(ca)
    case 'profile':
      return present(profile)
    case 'issuer':
      return [issuer]
    case 'serial':
      return [serial]
    case 'fingerprint':
      return [fingerprint]
  }
}

function present(text: string | null): readonly string[] {
  return text === null ? [] : [text]
}

/** As a condition has it: an address as RFC 5952 does. What cannot be normalised stays as it is. */
function spelt(identifier: Identifier): string {
  const name = isIP(identifier.value) === 0 ? identifier : normalise(identifier)
  return 'value' in name ? name.value : identifier.value
}

function isOfKey(
  { keyType, keyBits }: InventoriedCertificate,
  { type, bits }: Extract<Condition, { kind: 'key' }>,
): boolean {
  const kind = keyType?.toLowerCase() ?? ''
  if (kind !== type && !(type === 'ec' && /^p-\d+$/.test(kind))) return false
  if (bits === null) return true
  const size = keyBits ?? sizeOfCurve(kind)
  if (size === null) return false
  return bits.operator === '=' ? size === bits.value : compares(size, bits.operator, bits.value)
}

function sizeOfCurve(kind: string): number | null {
  const size = /^p-(\d+)$/.exec(kind)?.[1]
  return size === undefined ? null : Number(size)
}

function compares(one: number, operator: '<' | '<=' | '>' | '>=', other: number): boolean {
  switch (operator) {
    case '<':
      return one < other
    case '<=':
      return one <= other
    case '>':
      return one > other
    case '>=':
      return one >= other
  }
}

function microsOf(instant: string): number {
  return Date.parse(instant) * 1000
}
