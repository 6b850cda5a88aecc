import type { DiagnosisClass } from './classes.ts'
import type { Symptom } from './diagnosis.ts'
import type { Details } from './facts-in-text.ts'
import { CA } from './table/ca.ts'
import { CAA } from './table/caa.ts'
import { LIMITS } from './table/limits.ts'
import { REQUESTS } from './table/requests.ts'
import type { Row } from './table/row.ts'
import { VALIDATION_DNS } from './table/validation-dns.ts'
import { VALIDATION_HTTP } from './table/validation-http.ts'

export interface Match {
  readonly class: DiagnosisClass
  readonly details: Details
}

/** The whole table in both orders: what a CA says of a validation first, or what it says of a request. */
export const VALIDATION_FIRST: readonly Row[] = [
  ...LIMITS,
  ...CAA,
  ...VALIDATION_DNS,
  ...VALIDATION_HTTP,
  ...REQUESTS,
  ...CA,
]
export const REQUEST_FIRST: readonly Row[] = [
  ...LIMITS,
  ...CAA,
  ...REQUESTS,
  ...CA,
  ...VALIDATION_DNS,
  ...VALIDATION_HTTP,
]

/** The first row whose conditions and pattern fit. `type` is the problem's short name, '' for one that is no ACME type. */
export function match(
  text: string,
  type: string,
  { operation, challengeType }: Symptom,
  table: readonly Row[],
): Match | null {
  const lower = text.toLowerCase()
  for (const row of table) {
    if (row.types && type !== '' && !row.types.includes(type)) continue
    if (row.operations && !row.operations.includes(operation)) continue
    if (row.challenges && !row.challenges.includes(challengeType ?? '')) continue
    if (!row.lower.test(lower)) continue
    // Lower case of some letters is longer; then the pattern itself may not fit.
    const found = row.pattern.exec(text)
    if (found) return { class: row.class, details: { ...row.details, ...found.groups } }
  }
  return null
}
