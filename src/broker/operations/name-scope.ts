import { AcmeProblem } from '../../acme/problem.ts'
import type { NameProblem } from '../../exchange/decision.ts'
import { NameSet } from '../../policy/names/name-set.ts'
import { Networks } from '../../policy/names/networks.ts'
import { isFault } from '../../policy/names/normalise.ts'
import { parsePattern } from '../../policy/names/pattern.ts'
import type { PolicyName } from '../../policy/names/policy-name.ts'
import type { BrokerStore } from '../broker-store.ts'
import type { BrokeredRequest } from '../brokered-request.ts'
import type { Endpoint } from '../endpoint.ts'
import type { BrokerAccount } from '../objects.ts'
import { accountOf } from './asking.ts'
import { isGoodFor } from './eab-binding.ts'
import { cannotIssue } from './identifiers-asked.ts'

/** What the operator lets an account have. */
export interface Scope {
  /** Patterns; empty: every name; null: the operator has said nothing of this account. */
  readonly names: readonly string[] | null
  /** CAs its orders may go to; null: all. */
  readonly cas: readonly string[] | null
  /** For messages: who it is that may not. */
  readonly who: string
}

/**
 * Of the account that asks, as it is now. Rejects with AcmeProblem (`unauthorized`) where its EAB key is no longer good, or its
 * label does not count from where it asks: such accounts order nothing.
 */
export async function scopeOf(request: BrokeredRequest, store: Pick<BrokerStore, 'eabKey'>): Promise<Scope> {
  const { endpoint, clientAddress, at } = request
  const account = accountOf(request)
  if (account.eabKey !== null) return eabScope(account, account.eabKey, endpoint, at, store)
  const { label } = account
  if (label === null) return { names: null, cas: null, who: 'an account without an EAB key' }
  const who = `the label ${JSON.stringify(label)}`
  if (!labelCounts(endpoint, label, clientAddress))
    throw new AcmeProblem(
      'unauthorized',
      `${who} counts from the networks it is meant for only, and this request is from none of them; ask the operator of this server`,
    )
  const names = endpoint.labels.find(({ name }) => name === label)!.names
  return { names, cas: null, who }
}

async function eabScope(
  { label }: BrokerAccount,
  id: string,
  { name }: Endpoint,
  at: number,
  store: Pick<BrokerStore, 'eabKey'>,
): Promise<Scope> {
  const key = await store.eabKey(id)
  if (key === null || !isGoodFor(key, name, at)) {
    const why = key === null ? 'is gone' : key.revokedAt !== null ? 'was revoked' : endOf(key.expiresAt, at)
    throw new AcmeProblem(
      'unauthorized',
      `the EAB key ${id} of ${JSON.stringify(label)}, which this account was made with, ${why}: nothing is ordered with it. Ask the operator of this server for a new one`,
    )
  }
  return {
    names: key.names,
    cas: key.cas.length === 0 ? null : key.cas,
    who: `the EAB key ${id} of ${JSON.stringify(label)}`,
  }
}

function endOf(expiresAt: number | null, at: number): string {
  return expiresAt !== null && expiresAt <= at ? 'has expired' : 'is not for this endpoint'
}

/** Whether a label in the path is worth anything from this address. */
export function labelCounts(endpoint: Endpoint, label: string, clientAddress: string | null): boolean {
  const scope = endpoint.labels.find(({ name }) => name === label)
  if (scope === undefined || clientAddress === null) return false
  const networks = Networks.of(scope.from)
  return networks instanceof Networks && networks.has(clientAddress)
}

/**
 * What the operator's word has against these names: one for each. With proof `challenge` an account of which nothing was said
 * may have what it proves; otherwise nothing.
 */
export function outsideScope(
  names: readonly PolicyName[],
  scope: Scope,
  proof: Endpoint['proof'],
): readonly NameProblem[] {
  if (scope.names?.length === 0 || (scope.names === null && proof === 'challenge')) return []
  const isWithin = within(scope.names ?? [])
  return names
    .filter((name) => !isWithin(name))
    .map((name) =>
      cannotIssue('rejectedIdentifier', name.identifier, `it is not among the names of ${scope.who}`),
    )
}

/** Addresses are in no pattern: they stand beside them as addresses or networks. */
function within(patterns: readonly string[]): (name: PolicyName) => boolean {
  const parsed = patterns.flatMap((text) => {
    const pattern = parsePattern(text)
    return isFault(pattern) ? [] : [pattern]
  })
  const networks = patterns.flatMap((text) => {
    const network = Networks.of([text])
    return network instanceof Networks ? [network] : []
  })
  const names = NameSet.of(parsed)
  return (name) =>
    name.type === 'dns' ? names.covers(name) : networks.some((network) => network.has(name.value))
}
