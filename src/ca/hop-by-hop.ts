import type { FieldList } from '../exchange/exchange.ts'

/** RFC 9110 §7.6.1 and RFC 9113 §8.2.2: fields that belong to one connection, not to the message. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-authentication-info',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
])

/** Fields of the message itself: without hop-by-hop fields and without those `Connection` names. */
export function endToEndFields(fields: FieldList): FieldList {
  const named = new Set<string>()
  for (const [name, value] of fields) {
    if (name.toLowerCase() === 'connection')
      for (const token of value.split(',')) named.add(token.trim().toLowerCase())
  }
  return fields.filter(([name]) => {
    const lower = name.toLowerCase()
    return !HOP_BY_HOP.has(lower) && !named.has(lower) && !lower.startsWith(':')
  })
}
