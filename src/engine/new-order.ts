import type { Identifier } from '../acme/identifier.ts'
import { problemShortName } from '../acme/problem-types.ts'
import type { Directory } from '../acme/response-objects.ts'
import type { ExchangeId } from '../exchange/exchange-id.ts'
import type { Signer } from './account-key.ts'
import { type AcmeSession, wrongAnswer } from './acme-session.ts'
import { EngineError } from './engine-error.ts'
import { oneLine } from './one-line.ts'
import { isSameIdentifiers, type OrderObject, orderObject, plainIdentifier } from './order-object.ts'

export interface NewOrder {
  readonly identifiers: readonly Identifier[]
  readonly profile: string | null
  /** RFC 9773 §5: certificate id of the one it replaces; null for none. */
  readonly replaces: string | null
  /** As in PostOptions. */
  readonly announce?: (exchange: ExchangeId) => Promise<void>
}

export interface PlacedOrder {
  readonly order: OrderObject
  /** What the CA took it to replace; null where it would not, or cannot. */
  readonly replaces: string | null
}

/**
 * RFC 8555 §7.4. Never repeated by itself but after badNonce, and once without `replaces` where the CA does not like that
 * (RFC 9773 §5): each is announced. Throws EngineError: `input` for a profile that the CA does not have, before anything
 * is sent; `protocol` for an order of other names.
 */
export async function newOrder(
  session: AcmeSession,
  signer: Signer,
  wanted: NewOrder,
  signal: AbortSignal,
): Promise<PlacedOrder> {
  const directory = await session.directory(signal)
  checkProfile(session, directory, wanted.profile)
  // RFC 9773 §5: only where the CA has renewalInfo.
  const replaces = directory.renewalInfo === null ? null : wanted.replaces
  try {
    return { order: await place(session, signer, wanted, replaces, signal), replaces }
  } catch (error) {
    if (replaces === null || !isAboutReplaces(error)) throw error
    return { order: await place(session, signer, wanted, null, signal), replaces: null }
  }
}

/** POST-as-GET (RFC 8555 §7.4): how an order stands. */
export async function fetchOrder(
  session: AcmeSession,
  signer: Signer,
  url: string,
  signal: AbortSignal,
): Promise<OrderObject> {
  return orderObject(session, await session.post(url, '', signer, { signal }), url)
}

async function place(
  session: AcmeSession,
  signer: Signer,
  { identifiers, profile, announce }: NewOrder,
  replaces: string | null,
  signal: AbortSignal,
): Promise<OrderObject> {
  const { newOrder: url } = await session.directory(signal)
  const names = identifiers.map(plainIdentifier)
  const payload = {
    identifiers: names,
    ...(profile === null ? {} : { profile }),
    ...(replaces === null ? {} : { replaces }),
  }
  const answer = await session.post(url!, payload, signer, {
    signal,
    ...(announce === undefined ? {} : { announce }),
  })
  if (answer.location === null)
    throw wrongAnswer(session, answer, 'does not say the URL of the order (no Location)')
  const order = orderObject(session, answer, answer.location)
  if (!isSameIdentifiers(order.identifiers, names))
    throw wrongAnswer(session, answer, 'answers newOrder with an order of other names than were asked for')
  return order
}

function checkProfile(session: AcmeSession, { meta }: Directory, profile: string | null): void {
  if (profile === null || meta.profiles.some(({ name }) => name === profile)) return
  session.forgetDirectory()
  const names = oneLine(meta.profiles.map(({ name }) => name).join(', '))
  const has = names === '' ? 'it has no profiles: leave profile out' : `it has ${names}`
  throw new EngineError(
    'input',
    `the CA ${JSON.stringify(session.ca)} has no profile ${JSON.stringify(profile)}; ${has}`,
  )
}

/** alreadyReplaced; or what CAs say of a certificate they do not know, or that is another account's. */
function isAboutReplaces(error: unknown): boolean {
  if (!(error instanceof EngineError) || error.problem === null) return false
  const { type, detail } = error.problem
  const kind = problemShortName(type ?? '')
  if (kind === 'alreadyReplaced') return true
  return /^(?:malformed|unauthorized|conflict)$/.test(kind) && /replace|certid|\bari\b/i.test(detail ?? '')
}
