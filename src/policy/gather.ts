import type { Identifier } from '../acme/identifier.ts'
import { identifiersOf } from '../acme/payloads.ts'
import type { Asked } from '../exchange/asked.ts'
import type { Inspected } from '../exchange/exchange.ts'
import { clientFacts } from './client-facts.ts'
import { countedOrder, type KeptAs } from './counted-order.ts'
import { isOfAnOrder } from './decided-operations.ts'
import type { ClientFacts, PolicyFacts } from './facts.ts'
import type { IssuanceHistory } from './issuance-history.ts'
import type { Lookups, SeenOrder } from './lookups.ts'
import { orderFactsOf } from './order-facts.ts'
import type { Needs } from './policy.ts'

/** Milliseconds that all lookups of one request may take together; what has not come is not known. */
const DEADLINE = 1000

export interface GatherOptions {
  /** False where the CA knows of no external accounts: the binding that a client wrote is its own claim, and not known. */
  readonly bindsAccounts?: boolean
  readonly keptAs?: KeptAs
  /** Milliseconds; 1 s where it is left out. */
  readonly deadline?: number
}

/**
 * The facts of one signed request to a CA, with what the policy needs to have looked up. `now`: ms since 1970, when it
 * was received. Never rejects: what can't be found in time is not known.
 *
 * Where the policy asks for history, a newOrder holds its place in it when this resolves: the caller gives it back
 * (`history.forget(exchange.id)`) where it is denied or the CA makes no order of it.
 */
export async function gather(
  exchange: Inspected,
  asked: Asked | null,
  needs: Needs,
  lookups: Lookups,
  history: IssuanceHistory,
  now: number,
  { keptAs, deadline = DEADLINE, bindsAccounts = true }: GatherOptions = {},
): Promise<PolicyFacts> {
  const { operation, destination, mode, resource, inspection } = exchange
  const ca = destination?.ca ?? ''
  const account = inspection?.jws.header.kid ?? resource?.account ?? null
  const isLater = isOfAnOrder(operation)
  const issuance = resource?.issuance ?? null
  const own = resource?.identifiers ?? []
  const csr = asked?.kind === 'finalize' ? asked.csr : null
  const wantsOrder = isLater && issuance !== null && (needs.order || own.length === 0)
  const wantsAccount = needs.account && operation !== 'newAccount' && account !== null
  const [known, order, keyUses, accountKey] = await within(deadline, [
    wantsAccount ? () => lookups.account(ca, account) : null,
    wantsOrder ? () => lookups.order(issuance) : null,
    needs.keyUses && csr !== null ? () => lookups.keyUses(csr.key.spki) : null,
    needs.accountKey && csr !== null ? () => isAccountKey(csr.key.thumbprint, exchange, lookups) : null,
  ])
  const facts: PolicyFacts = {
    at: now,
    mode,
    ca,
    operation,
    identifiers: identifiersFor(exchange, asked, order),
    client: bound(clientFacts(exchange, asked, known), bindsAccounts),
    asked,
    order: orderOf(asked, isLater, order, now),
    history: {},
    keyUses,
    accountKey,
    webhooks: {},
  }
  if (operation !== 'newOrder' || needs.history.length === 0) return facts
  // Counted and taken in one step: of orders that come together each sees those before it.
  const counted = countedOrder(facts, exchange.id, keptAs)
  const counts = history.counts(needs.history, counted)
  history.begin(counted)
  return { ...facts, history: counts }
}

/**
 * RFC 8555 §7.1.3: which of an order's authorizations is for which name is told only by the authorization itself. Until
 * it was fetched, it may be for each of them.
 */
function identifiersFor(
  { operation, inspection, resource }: Inspected,
  asked: Asked | null,
  order: SeenOrder | undefined,
): readonly Identifier[] | undefined {
  if (operation === 'newOrder' || operation === 'newAuthz')
    return identifiersOf(inspection?.jws.payload, operation)
  if (operation === 'revokeCert') return (asked?.kind === 'revocation' ? asked.names : null) ?? undefined
  if (!isOfAnOrder(operation)) return []
  const own = resource?.identifiers ?? []
  if (own.length > 0) return own
  return order !== undefined && order.identifiers.length > 0 ? order.identifiers : undefined
}

function orderOf(
  asked: Asked | null,
  isLater: boolean,
  order: SeenOrder | undefined,
  now: number,
): PolicyFacts['order'] {
  if (asked?.kind === 'order') return orderFactsOf(asked, now)
  if (!isLater) return null
  return order && { profile: order.profile, validity: order.validity, replaces: order.replaces }
}

function bound(client: ClientFacts, bindsAccounts: boolean): ClientFacts {
  return bindsAccounts || client.externalAccount === null ? client : { ...client, externalAccount: undefined }
}

/** A key that has no JWK is no account's. */
async function isAccountKey(
  thumbprint: string | null,
  { inspection }: Inspected,
  lookups: Lookups,
): Promise<boolean | undefined> {
  if (thumbprint === null) return false
  return thumbprint === inspection?.thumbprint || lookups.isAccountKey(thumbprint)
}

type Lookup<T> = (() => Promise<T>) | null
type Found<T> = { [K in keyof T]: T[K] extends Lookup<infer U> ? U | undefined : never }

/** What each lookup found; undefined where it is left out, fails or is not done in time. */
async function within<T extends readonly Lookup<unknown>[]>(
  deadline: number,
  lookups: readonly [...T],
): Promise<Found<T>> {
  if (lookups.every((lookup) => lookup === null)) return lookups.map(() => undefined) as Found<T>
  const late = Promise.withResolvers<undefined>()
  const timer = setTimeout(() => late.resolve(undefined), deadline)
  const found = await Promise.all(
    lookups.map(async (lookup) => lookup && Promise.race([lookup(), late.promise]).catch(() => undefined)),
  )
  clearTimeout(timer)
  return found.map((one) => one ?? undefined) as Found<T>
}
