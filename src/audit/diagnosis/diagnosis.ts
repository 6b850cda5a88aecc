import { z } from 'zod'
import { DIAGNOSIS_CLASSES, FIXERS } from './classes.ts'

/** Why something failed and what to do about it. */
export const diagnosis = z.strictObject({
  class: z.enum(DIAGNOSIS_CLASSES),
  cause: z
    .string()
    .meta({ description: 'One sentence.', example: 'A firewall drops what the CA sends to port 80.' }),
  remedy: z.string().meta({ description: 'What to do, one or two sentences.' }),
  fixer: z.enum(FIXERS).meta({
    description: 'Who can mend it: client, server (the host of the name), dns, network, ca, acmetap.',
  }),
  details: z
    .record(z.string(), z.string())
    .meta({ description: 'What the text says beside: address, limit, key, until, status, record …' }),
})
export type Diagnosis = z.output<typeof diagnosis>

/** What there is to go by. Texts are the redacted ones of the record. */
export interface Symptom {
  /** Of the exchange: response, refused, failed, unknown, notSent. */
  readonly outcome: string
  readonly operation: string
  /** HTTP status; null where there was no answer. */
  readonly status: number | null
  readonly problem: { readonly type: string; readonly detail: string | null } | null
  /** Of the challenge that failed; null where it is not about one. */
  readonly challengeType: string | null
  /** The identifier begins with `*.`. */
  readonly wildcard: boolean
  /** FailureCause of an exchange that failed. */
  readonly failure: string | null
  /** Rule of acmetap's refusal. */
  readonly rule: string | null
  /** It is one of a policy, which an operator may have called like one of acmetap's own. */
  readonly isPolicy: boolean
  /** It was acmetap that looked, as a server: addresses of the inside may be right for it. */
  readonly lookedHere?: boolean
}
