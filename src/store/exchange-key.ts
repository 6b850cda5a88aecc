import type { ExchangeId } from '../exchange/exchange-id.ts'

/** The 16 bytes of an id, which sort as the ids do. */
export function exchangeKey(id: ExchangeId): Buffer {
  return Buffer.from(id.replaceAll('-', ''), 'hex')
}

export function exchangeIdOf(key: Buffer): ExchangeId {
  const hex = key.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
