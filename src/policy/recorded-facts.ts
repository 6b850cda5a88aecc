import type { Identifier } from '../acme/identifier.ts'
import type { Operation } from '../acme/operation.ts'
import type { WebhookAnswer } from '../exchange/decision.ts'
import type { Mode } from '../exchange/mode.ts'
import { labelOf, signer } from './client-facts.ts'
import { countedOrder } from './counted-order.ts'
import { isOfAnOrder } from './decided-operations.ts'
import type { ClientFacts, OrderFacts, PolicyFacts } from './facts.ts'
import type { CountedOrder } from './history.ts'
import type { SeenOrder } from './lookups.ts'
import { orderFactsOf } from './order-facts.ts'
import {
  contactsIn,
  contactsPut,
  isRecordedDecided,
  type PersonalTexts,
  plainly,
  type RecordedRequest,
} from './recorded-request.ts'

/** What the record says elsewhere than in the request itself, as it stood then. Absent: as the verdict of then has it. */
export interface RecordedWorld {
  readonly account?: KnownAccount | undefined
  /** What the newOrder of its issuance asked for. */
  readonly order?: SeenOrder | undefined
  readonly history?: Readonly<Record<string, number>>
  readonly keyUses?: readonly (readonly string[])[] | undefined
  readonly accountKey?: boolean | undefined
  readonly webhooks?: Readonly<Record<string, WebhookAnswer>>
  /** Personal fields that are dropped before they are written: that they are missing says nothing. */
  readonly dropped?: ReadonlySet<PersonalField>
}

export type PersonalField = 'address' | 'proxyUser' | 'userAgent' | 'contact'

/** Undefined: not known. */
export interface KnownAccount {
  readonly contacts: readonly string[] | undefined
  readonly externalAccount: string | null | undefined
}

/**
 * The facts that a policy would have decided this request by, from the record alone. What was erased or hashed, and what
 * nobody wrote down then, is undefined. Null for requests that no policy decides.
 */
export function factsOf(
  request: RecordedRequest,
  personal: PersonalTexts,
  world: RecordedWorld = {},
): PolicyFacts | null {
  if (!isRecordedDecided(request)) return null
  const read = request.decision.policy?.read
  return {
    at: request.at / 1000,
    mode: request.mode as Mode,
    ca: request.ca!,
    operation: request.request.method === 'POST' ? (request.operation as Operation) : 'unrecognised',
    identifiers: identifiersFor(request, world),
    client: clientOf(request, personal, world),
    // Facts of before policies hold nothing of it.
    asked: request.asked ?? null,
    order: orderOf(request, world),
    history: world.history ?? read?.history ?? {},
    keyUses: world.keyUses ?? read?.keyUses,
    accountKey: world.accountKey ?? read?.accountKey,
    webhooks: world.webhooks ?? read?.webhooks ?? {},
  }
}

/** What a recorded newOrder asked for; undefined for other requests, and where nobody wrote it down. */
export function orderIn({ operation, asked, at, identifiers }: RecordedRequest): SeenOrder | undefined {
  if (operation !== 'newOrder' || asked?.kind !== 'order') return undefined
  return { ...orderFactsOf(asked, at / 1000), identifiers }
}

/**
 * A recorded newOrder as history counts it: who asked stands in it as the record keeps it, hashed values too, since they
 * say who is the same.
 */
export function recordedOrder(
  facts: PolicyFacts,
  request: RecordedRequest,
  personal: PersonalTexts,
): CountedOrder {
  const proxyUser = personal.proxyUser
  const kept = {
    ...facts.client,
    address: personal.clientAddress,
    label: labelOf(facts.mode, request.request.authority, proxyUser ?? null, request.client.label),
    proxyUser,
    userAgent: request.client.userAgent,
  }
  return countedOrder({ ...facts, client: kept }, request.exchange)
}

function identifiersFor(
  { operation, identifiers, asked }: RecordedRequest,
  { order }: RecordedWorld,
): readonly Identifier[] | undefined {
  if (operation === 'revokeCert') return (asked?.kind === 'revocation' ? asked.names : null) ?? undefined
  if (operation === 'newOrder' || operation === 'newAuthz') return identifiers
  if (!isOfAnOrder(operation)) return []
  if (identifiers.length > 0) return identifiers
  return order !== undefined && order.identifiers.length > 0 ? order.identifiers : undefined
}

function clientOf(
  request: RecordedRequest,
  personal: PersonalTexts,
  { account, dropped }: RecordedWorld,
): ClientFacts {
  const { mode, jws, operation, client, asked } = request
  const field = (name: string, kind: PersonalField) =>
    request.personal[name] === undefined && !dropped?.has(kind) ? null : plainly(personal[name])
  const proxyUser = field('proxyUser', 'proxyUser')
  const isNew = operation === 'newAccount'
  const told = asked?.kind === 'account' ? asked.externalAccount : undefined
  const read = request.decision.policy?.read.externalAccount
  const put = contactsPut(request, personal)
  const isUnnamed = client.userAgent === null && !dropped?.has('userAgent')
  return {
    address: field('clientAddress', 'address'),
    label: labelOf(mode as Mode, request.request.authority, proxyUser ?? null, client.label),
    proxyUser,
    userAgent: isUnnamed ? null : plainly(client.userAgent ?? undefined),
    account: isNew ? null : request.account,
    thumbprint: jws === null ? null : signer(jws),
    contacts: isNew ? newContacts(request, personal, dropped) : put === null ? account?.contacts : put,
    externalAccount: isNew ? told : account?.externalAccount === undefined ? read : account.externalAccount,
  }
}

function newContacts(
  request: RecordedRequest,
  personal: PersonalTexts,
  dropped: RecordedWorld['dropped'],
): readonly string[] | undefined {
  const contacts = contactsIn(request, personal)
  return contacts?.length === 0 && dropped?.has('contact') ? undefined : contacts
}

function orderOf(request: RecordedRequest, { order }: RecordedWorld): OrderFacts | null | undefined {
  const { operation } = request
  const asked = operation === 'newOrder' ? orderIn(request) : order
  if (operation !== 'newOrder' && !isOfAnOrder(operation)) return null
  if (asked === undefined) return request.decision.policy?.read.order
  return { profile: asked.profile, validity: asked.validity, replaces: asked.replaces }
}
