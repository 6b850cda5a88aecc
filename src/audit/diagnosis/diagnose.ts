import { problemShortName } from '../../acme/problem-types.ts'
import type { DiagnosisClass } from './classes.ts'
import { boundedDetails, describe } from './describe.ts'
import type { Diagnosis, Symptom } from './diagnosis.ts'

export { describe } from './describe.ts'

const BY_TYPE: Readonly<Record<string, DiagnosisClass>> = {
  accountDoesNotExist: 'account-unknown',
  badNonce: 'bad-nonce',
  rateLimited: 'rate-limit',
  caa: 'caa',
  badCSR: 'bad-csr',
  malformed: 'malformed-request',
  serverInternal: 'ca-internal',
  dns: 'dns-failure',
}

/** Null where nothing is wrong. Never throws; the same symptom gives the same diagnosis. */
export function diagnose(symptom: Symptom): Diagnosis | null {
  const { outcome, operation, status, problem } = symptom
  if (outcome === 'running') return null
  if (outcome === 'response' && problem === null && (status === null || status < 400)) return null
  if (outcome === 'unknown') return describe('interrupted')
  if (outcome === 'notSent') return describe('acmetap-busy')
  if (outcome === 'failed')
    return describe('ca-unreachable', boundedDetails({ failure: symptom.failure ?? undefined }))
  if (outcome === 'refused')
    return describe('refused-by-acmetap', boundedDetails({ rule: symptom.rule ?? undefined }))
  if (problem === null) return describe('ca-answer', boundedDetails({ status: String(status) }))
  const type = problemShortName(problem.type)
  if (type === 'accountDoesNotExist' && operation === 'newAccount') return null
  return describe(BY_TYPE[type] ?? 'unclassified', boundedDetails({ type }))
}
