import type { Identifier } from '../../acme/identifier.ts'
import type { Operation } from '../../acme/operation.ts'
import { diagnose } from '../../audit/diagnosis/diagnose.ts'
import { registrableDomain } from '../../policy/names/domains.ts'
import type { IssuerError } from '../issuer.ts'
import type { IssuingStep } from './circuit.ts'

export interface LimitedOrder {
  readonly identifiers: readonly Identifier[]
  /** Whose account at the CA; null: the one that all share. */
  readonly tenant: string | null
}

const OPERATIONS = {
  place: 'newOrder',
  authorize: 'challenge',
  finalize: 'finalize',
} as const satisfies Record<IssuingStep, Operation>

/**
 * What a CA's limit is about, as keys; an order that has one of them meets the same limit. What is not known to be about
 * certain names or one account is taken for one of everybody.
 */
export function limitScope(error: IssuerError, step: IssuingStep, order: LimitedOrder): readonly string[] {
  const found = diagnose({
    outcome: 'response',
    operation: OPERATIONS[step],
    status: error.status ?? 429,
    problem: { type: error.type ?? '', detail: error.detail },
    challengeType: null,
    wildcard: false,
    failure: null,
    rule: null,
    isPolicy: false,
  })
  if (found?.class === 'account-paused') return namesOf(order, found.details.names)
  switch (found?.details.limit) {
    case 'CertificatesPerDomain':
      return domainsOf(order, found.details.key)
    case 'CertificatesPerFQDNSet':
      return [setKey(order)]
    case 'FailedAuthorizationsPerDomainPerAccount':
    case 'FailedAuthorizationsForPausingPerDomainPerAccount':
      return namesOf(order, found.details.key)
    case 'NewOrdersPerAccount':
    case 'PendingAuthorizations':
      return [accountKey(order)]
    default:
      return [EVERYBODY]
  }
}

/** Every key that a limit may have to be one of this order's. */
export function limitKeys(order: LimitedOrder): readonly string[] {
  return [EVERYBODY, accountKey(order), setKey(order), ...domainsOf(order), ...namesOf(order)]
}

const EVERYBODY = 'everybody'

function accountKey({ tenant }: LimitedOrder): string {
  return `account ${tenant ?? ''}`
}

function setKey({ identifiers }: LimitedOrder): string {
  const names = identifiers.map(({ value }) => value).sort()
  return `set ${names.join(' ')}`
}

/** Those that the text has, where the order has them; otherwise any of the order's may be meant. */
function domainsOf({ identifiers }: LimitedOrder, text?: string): string[] {
  const all = new Set(identifiers.map(({ value }) => registrableDomain(bare(value)) ?? bare(value)))
  return chosen(all, text).map((domain) => `domain ${domain}`)
}

/** Of one account: what others fail at is not this one's. */
function namesOf({ identifiers, tenant }: LimitedOrder, text?: string): string[] {
  const all = new Set(identifiers.map(({ value }) => bare(value)))
  return chosen(all, text).map((name) => `name ${tenant ?? ''} ${name}`)
}

function chosen(all: ReadonlySet<string>, text: string | undefined): string[] {
  const words = new Set(text?.toLowerCase().split(/[\s,"]+/))
  const told = [...all].filter((name) => words.has(name))
  return told.length > 0 ? told : [...all]
}

function bare(name: string): string {
  return name.startsWith('*.') ? name.slice(2) : name
}
