import type { Diagnosis } from '../../audit/diagnosis/diagnosis.ts'
import { exchangeComplaint, objectDiagnosis } from '../../audit/inventory/project/failure.ts'
import type { RecordedExchange } from '../../audit/record-store.ts'
import { namesOf } from '../describe-exchange.ts'

/** Why an exchange, or the object in its answer, failed; null where nothing is wrong or it still runs. */
export function diagnosisOf(exchange: RecordedExchange): Diagnosis | null {
  const { intent, outcome } = exchange
  if (outcome === null) return null
  const own = exchangeComplaint({ intent, outcome })
  if (own !== null || outcome.objectError === null) return own?.diagnosis ?? null
  const { type, detail } = outcome.objectError
  return objectDiagnosis({ intent, outcome }, { type, detail }, null, namesOf(exchange)[0] ?? null)
}
