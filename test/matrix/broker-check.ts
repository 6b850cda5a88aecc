import type { RecordedExchange } from '../../src/audit/record-store.ts'
import { type BrokerWay, endpointOf } from './broker-cases.ts'
import type { Operation } from './row.ts'

/**
 * What the record has of an operation in mode broker, where that is wrong: the client's own exchanges (`exchanges`), and
 * among everything of that time those of acmetap's engine, which have one of the client's as their parent.
 */
export function whatIsWrongInBroker(
  way: BrokerWay,
  operation: Operation,
  exchanges: readonly RecordedExchange[],
  everything: readonly RecordedExchange[],
): string | null {
  const elsewhere = exchanges.find(({ intent }) => intent.ca !== endpointOf(way))
  if (elsewhere !== undefined) return `${elsewhere.intent.operation} is recorded at ${elsewhere.intent.ca}`
  const own = new Set(exchanges.map(({ intent }) => intent.exchange))
  const upstream = everything.filter(({ intent }) => intent.mode === 'engine' && own.has(intent.parent ?? ''))
  const good = (all: readonly RecordedExchange[], name: string) =>
    all.filter(({ intent, outcome }) => intent.operation === name && (outcome?.status ?? 999) < 300)
  if (way.from === 'local') {
    const [sent] = upstream
    return sent === undefined
      ? null
      : `a CA was sent ${sent.intent.operation} for a certificate of the local CA`
  }
  if (operation === 'revoke')
    return good(upstream, 'revokeCert').length === 1 ? null : 'no revocation at the CA is recorded'
  if (operation !== 'issue' && operation !== 'renew') return null
  for (const step of ['newOrder', 'finalize', 'certificate'])
    if (good(upstream, step).length === 0)
      return `no ${step} at the CA has an exchange of the client as its parent`
  const unverified = upstream.find(
    ({ intent }) => intent.request.method === 'POST' && intent.jws?.verdict !== 'verified',
  )
  if (unverified !== undefined) return `${unverified.intent.operation} at the CA is not verified`
  const answered = good(exchanges, 'challenge')
  if (way.proof === 'policy') return answered.length === 0 ? null : 'the client answered a challenge'
  // What the client has proved before is good for its renewal.
  if (operation === 'issue' && answered.length === 0) return 'the client answered no challenge'
  const begun = good(upstream, 'challenge')[0]?.intent.sequence ?? Number.POSITIVE_INFINITY
  const proved = answered[0]?.intent.sequence ?? 0
  return begun > proved ? null : 'acmetap answered the CA before the client had answered acmetap'
}
