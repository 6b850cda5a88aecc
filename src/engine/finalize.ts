import type { ExchangeId } from '../exchange/exchange-id.ts'
import type { Signer } from './account-key.ts'
import type { AcmeSession } from './acme-session.ts'
import { type OrderObject, orderObject } from './order-object.ts'

export interface Finalize {
  /** Of the order, and its `finalize`. */
  readonly order: string
  readonly url: string
  /** DER, base64url. */
  readonly csr: string
  /** As in PostOptions. */
  readonly announce?: (exchange: ExchangeId) => Promise<void>
}

/**
 * RFC 8555 §7.4. Never repeated by itself but after badNonce. The order that comes back is often `valid` already; its URL
 * is the one given, since some CAs answer without `Location`.
 */
export async function finalize(
  session: AcmeSession,
  signer: Signer,
  { order, url, csr, announce }: Finalize,
  signal: AbortSignal,
): Promise<OrderObject> {
  const answer = await session.post(url, { csr }, signer, {
    signal,
    ...(announce === undefined ? {} : { announce }),
  })
  return orderObject(session, answer, order)
}
