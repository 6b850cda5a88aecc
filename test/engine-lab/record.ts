/** The record held against what the CAs themselves say they were asked. */
import type { RecordedExchange } from '../../src/audit/record-store.ts'
import { pebbleOperation } from '../peers/pebble-operations.ts'

/** How often each method and path was asked; Pebble prints paths without their last part where that is an id. */
export type SeenByCa = ReadonlyMap<string, number>

/** From what Pebble prints. Long logs lose their beginning: then there is nothing to compare. */
export function seenBy(log: string): SeenByCa {
  const seen = new Map<string, number>()
  for (const [, method, target] of log.matchAll(/ (GET|HEAD|POST) (\/\S*) -> calling handler/g)) {
    const key = `${method} ${target}`
    seen.set(key, (seen.get(key) ?? 0) + 1)
  }
  return seen
}

export function faultsOfRecord(
  exchanges: readonly RecordedExchange[],
  seen: ReadonlyMap<string, SeenByCa>,
): string[] {
  const faults: string[] = []
  const sent = new Map<string, Map<string, number>>([...seen.keys()].map((ca) => [ca, new Map()]))
  for (const { intent, outcome } of exchanges) {
    const { mode, ca, operation, request, jws } = intent
    const what = `${operation} ${request.method} ${request.target}`
    if (mode !== 'engine') faults.push(`${what}: mode ${mode}`)
    if (request.method === 'POST' && jws?.verdict !== 'verified') faults.push(`${what}: ${jws?.verdict}`)
    if (outcome?.outcome !== 'response') faults.push(`${what}: ${outcome?.outcome}`)
    const is = pebbleOperation(request.target)
    if (is !== operation) faults.push(`${what}: it is ${is}`)
    const counts = sent.get(ca ?? '')
    const key = `${request.method} ${request.target.replace(/^(\/[^/]+\/).+/, '$1')}`
    counts?.set(key, (counts.get(key) ?? 0) + 1)
  }
  for (const [ca, counts] of sent)
    for (const [key, count] of counts) {
      const there = seen.get(ca)?.get(key) ?? 0
      if (there < count)
        faults.push(`${ca}: ${key} is recorded ${count} times, and the CA saw it ${there} times`)
    }
  return faults
}
