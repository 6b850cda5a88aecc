import type { RecordReader, StoredOutcome } from '../../audit/record-store.ts'
import type { FindRecordedRequest, RecordedRequest } from '../../engine/recorded-request.ts'
import type { FailureCause } from '../../exchange/exchange.ts'
import { isExchangeId } from '../../exchange/exchange-id.ts'

/** With these nothing has left, or nothing was read: a request that failed so was not acted on. */
const NOT_SENT: readonly FailureCause[] = [
  'connectRefused',
  'connectTimeout',
  'nameNotResolved',
  'tls',
  'addressRefused',
  'proxyRefused',
]

/** What the record says became of a request: what was never recorded never left. */
export function findRecorded(record: Pick<RecordReader, 'exchange'>): FindRecordedRequest {
  return async (id) => {
    const exchange = isExchangeId(id) ? await record.exchange(id) : null
    if (exchange === null) return { state: 'unsent' }
    return exchange.outcome === null ? { state: 'unknown' } : fateOf(exchange.outcome)
  }
}

function fateOf(outcome: StoredOutcome): RecordedRequest {
  switch (outcome.outcome) {
    case 'refused':
    case 'notSent':
      return { state: 'unsent' }
    case 'failed':
      return { state: NOT_SENT.includes(outcome.failure?.cause as FailureCause) ? 'unsent' : 'unknown' }
    case 'unknown':
      return { state: 'unknown' }
    case 'response':
      return { state: 'answered', status: outcome.status ?? 0, location: locationOf(outcome) }
  }
}

function locationOf({ fields }: StoredOutcome): string | null {
  const location = fields.location
  return typeof location === 'string' ? location : (location?.[0] ?? null)
}
