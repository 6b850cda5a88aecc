import { type DiagnosisClass, VALIDATION_CLASSES } from './classes.ts'

const OF_VALIDATION: ReadonlySet<DiagnosisClass> = new Set(VALIDATION_CLASSES)

/** The CA looked at the name and did not find what it needs. CAA is also looked up when a certificate is made. */
export function isOfValidation(name: DiagnosisClass): boolean {
  return OF_VALIDATION.has(name)
}
