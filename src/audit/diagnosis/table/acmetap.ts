import type { DiagnosisClass } from '../classes.ts'

/** What acmetap itself refused, by the rule of its decision. */
export const BY_RULE: Readonly<Record<string, DiagnosisClass>> = {
  'ambiguous-request': 'ambiguous-request',
  'paced-out': 'acmetap-busy',
}

/** What the network did on the way to the CA, by the cause of the failure. */
export const BY_FAILURE: Readonly<Record<string, DiagnosisClass>> = {
  tls: 'ca-certificate',
  responseTooLarge: 'ca-answer',
  responseUnreadable: 'ca-answer',
  aborted: 'interrupted',
}
