import { randomBytes } from 'node:crypto'
import type { NameProblem } from '../../exchange/decision.ts'
import type { PolicyName } from '../../policy/names/policy-name.ts'
import type { BrokerStore, Owner } from '../broker-store.ts'
import type { Endpoint } from '../endpoint.ts'
import { newObjectId } from '../object-id.ts'
import {
  BROKER_CHALLENGE_TYPES,
  type BrokerAuthorization,
  type BrokerChallenge,
  type BrokerChallengeType,
} from '../objects.ts'
import { cannotIssue } from './identifiers-asked.ts'

/** An authorization that ends sooner is no help for an order that begins now. In ms. */
const ENOUGH = 86_400_000

export interface OrderedAuthorization {
  readonly authorization: BrokerAuthorization
  readonly isNew: boolean
}

/**
 * One for each name. By the operator's word: valid at once, for as long as the order. Else one that this very account has
 * already (of no other: what shared accounts at CAs are authorized for proves nothing here), or a new one to be proved.
 */
export async function authorizationsFor(
  names: readonly PolicyName[],
  endpoint: Endpoint,
  owner: Owner,
  at: number,
  store: Pick<BrokerStore, 'reusable'>,
): Promise<readonly OrderedAuthorization[]> {
  if (endpoint.proof === 'policy')
    return names.map((name) => ({ authorization: byPolicy(name, endpoint, owner, at), isNew: true }))
  const wanted = names.map(wantedOf)
  const until = at + Math.min(ENOUGH, endpoint.authorizationLifetime / 2, endpoint.orderLifetime / 2) * 1000
  const found = await store.reusable(owner, wanted, until)
  const byKey = new Map(found.filter(({ proof }) => proof === 'challenge').map((each) => [keyOf(each), each]))
  return wanted.map((one, place) => {
    const there = byKey.get(keyOf(one))
    return there === undefined
      ? { authorization: toBeProved(names[place]!, endpoint, owner, at), isNew: true }
      : { authorization: there, isNew: false }
  })
}

/** RFC 8555 §7.1.4: a wildcard's authorization has the name without `*.`. */
export function wantedOf({ type, value, covers }: PolicyName) {
  return { identifier: { type, value }, wildcard: covers === 'wildcard' }
}

/** Names that none of the endpoint's challenges can prove. */
export function unprovable(
  names: readonly PolicyName[],
  { proof, challenges }: Endpoint,
): readonly NameProblem[] {
  if (proof === 'policy') return []
  return names
    .filter((name) => typesFor(name, challenges.types).length === 0)
    .map((name) => {
      const needs = typesFor(name, BROKER_CHALLENGE_TYPES).join(' or ')
      return cannotIssue(
        'rejectedIdentifier',
        name.identifier,
        `it is proved by ${needs}, which this server does not offer`,
      )
    })
}

export function toBeProved(
  name: PolicyName,
  { authorizationLifetime, orderLifetime, challenges }: Endpoint,
  owner: Owner,
  at: number,
): BrokerAuthorization {
  return {
    ...newAuthorization(name, owner, at),
    status: 'pending',
    proof: 'challenge',
    challenges: typesFor(name, challenges.types).map((type) => newChallenge(type, null)),
    expiresAt: at + Math.min(authorizationLifetime, orderLifetime) * 1000,
  }
}

/** With every type valid: clients look for the one that they are set up for, and find that there is nothing to do. */
function byPolicy(
  name: PolicyName,
  { orderLifetime }: Endpoint,
  owner: Owner,
  at: number,
): BrokerAuthorization {
  return {
    ...newAuthorization(name, owner, at),
    status: 'valid',
    proof: 'policy',
    challenges: typesFor(name, BROKER_CHALLENGE_TYPES).map((type) => newChallenge(type, at)),
    expiresAt: at + orderLifetime * 1000,
  }
}

function newAuthorization(name: PolicyName, owner: Owner, at: number) {
  return { id: newObjectId(), ...owner, ...wantedOf(name), createdAt: at }
}

function newChallenge(type: BrokerChallengeType, validatedAt: number | null): BrokerChallenge {
  return {
    id: newObjectId(),
    type,
    token: randomBytes(32).toString('base64url'),
    status: validatedAt === null ? 'pending' : 'valid',
    validatedAt,
    error: null,
  }
}

/** RFC 8555 §7.1.3: wildcards by dns-01; RFC 8738 §7: addresses by all but dns-01. */
function typesFor(
  { type, covers }: PolicyName,
  offered: readonly BrokerChallengeType[],
): readonly BrokerChallengeType[] {
  if (type === 'ip') return offered.filter((each) => each !== 'dns-01')
  return covers === 'wildcard' ? offered.filter((each) => each === 'dns-01') : offered
}

function keyOf({ identifier, wildcard }: Pick<BrokerAuthorization, 'identifier' | 'wildcard'>): string {
  return `${identifier.type}:${wildcard ? '*.' : ''}${identifier.value}`
}
