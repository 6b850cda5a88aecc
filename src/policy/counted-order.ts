import type { PolicyFacts } from './facts.ts'
import type { CountedOrder } from './history.ts'

/**
 * What the record keeps of a personal value: itself, its hash, or nothing. History that goes on after a start is read
 * from the record, so what is counted while it runs has to be written in the same way.
 */
export type KeptAs = (field: 'address' | 'proxyUser' | 'userAgent', text: string) => string | null

const AS_IT_IS: KeptAs = (_field, text) => text

/**
 * A newOrder as history counts it; `id` of its exchange. A client is who the inventory takes for one: an account at a
 * place (address, label, program). What is not known, or was erased, belongs to nobody.
 */
export function countedOrder(facts: PolicyFacts, id: string, keptAs: KeptAs = AS_IT_IS): CountedOrder {
  const { at, ca, identifiers = [] } = facts
  const { account, address, label, proxyUser, userAgent } = facts.client
  const kept = (field: Parameters<KeptAs>[0], text: string | null | undefined) =>
    text === null || text === undefined ? null : keptAs(field, text)
  const place = {
    address: kept('address', address),
    label: proxyUser === null || proxyUser === undefined ? (label ?? null) : kept('proxyUser', proxyUser),
    program: programOf(kept('userAgent', userAgent)),
  }
  return {
    id,
    at,
    ca,
    client: account === null ? null : JSON.stringify([account, place.address, place.label, place.program]),
    account,
    address: place.address,
    label: place.label,
    names: [...new Set(identifiers.map(({ value }) => value.toLowerCase()))].sort(),
  }
}

/** RFC 9110 §10.1.5: the first product of a User-Agent, without its version: an update makes no new client. */
function programOf(userAgent: string | null): string | null {
  const [program = ''] = (userAgent ?? '').trim().split(/\s/, 1)[0]!.split('/', 1)
  return program === '' ? null : program
}
