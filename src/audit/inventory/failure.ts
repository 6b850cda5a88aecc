import { z } from 'zod'
import { OPERATIONS } from '../../acme/operation.ts'
import { MODES } from '../../exchange/mode.ts'
import { DIAGNOSIS_CLASSES } from '../diagnosis/classes.ts'
import { diagnosis } from '../diagnosis/diagnosis.ts'
import { common, instant, objectId, paging, problem, word } from './values.ts'

/**
 * Something that went wrong: a failed challenge (once, however often it was polled), a problem document, a refusal of
 * our own, a CA that could not be reached, or an issuance somebody walked away from.
 */
export const failure = z.strictObject({
  id: objectId(),
  at: instant(),
  exchange: z.string().meta({ description: 'That showed it first.' }),
  ca: z.string().nullable(),
  mode: z.string(),
  operation: z.string(),
  account: z.strictObject({ id: objectId(), url: z.string() }).nullable(),
  client: z
    .strictObject({
      id: objectId(),
      program: z.string().nullable(),
      source: z.string().nullable(),
      label: z.string().nullable(),
    })
    .nullable(),
  names: z
    .array(z.string())
    .meta({ description: 'It is about; of a problem with subproblems those they name.' }),
  challengeType: z.string().nullable(),
  order: objectId().nullable(),
  outcome: z.string(),
  status: z.int().nullable(),
  problem: problem.nullable(),
  diagnosis,
})
export type Failure = z.output<typeof failure>

export const failureFilter = z.strictObject({
  ...common,
  mode: z.enum(MODES).optional(),
  operation: z.enum(OPERATIONS).optional(),
  problem: word.optional().meta({ description: 'Problem type: a short name or a whole URN.' }),
  diagnosis: z.enum(DIAGNOSIS_CLASSES).optional(),
  ...paging,
})
export type FailureFilter = z.output<typeof failureFilter>

/** Failures of one class that have something else in common. */
export const correlation = z.strictObject({
  class: z.enum(DIAGNOSIS_CLASSES),
  shared: z.strictObject({ kind: z.string(), value: z.string() }).nullable().meta({
    description: 'What they share: a name server, an address, a CA, a registered domain, a client program …',
  }),
  names: z.int(),
  failures: z.int(),
  since: instant(),
  last: instant(),
  says: z.string().meta({ example: '37 names, one resolver (ns1.example.net), since 14:02' }),
  examples: z.array(z.string()).max(5).meta({ description: 'Ids of failures.' }),
})
export type Correlation = z.output<typeof correlation>

/** A rate limit that a CA applied (RFC 8555 §6.6), or that acmetap's pacing did. */
export const rateLimitEvent = z.strictObject({
  exchange: z.string(),
  at: instant(),
  ca: z.string().nullable(),
  account: z.strictObject({ id: objectId(), url: z.string() }).nullable(),
  client: objectId().nullable(),
  names: z.array(z.string()),
  operation: z.string(),
  by: z.enum(['ca', 'acmetap']),
  limit: z
    .string()
    .meta({ description: "The CA's name of the limit, or unknown.", example: 'NewOrdersPerAccount' }),
  key: z
    .string()
    .nullable()
    .meta({ description: 'What it counts: a domain, an account, an address, a set of names.' }),
  until: instant().nullable().meta({ description: 'When the next request may pass.' }),
  detail: z.string().nullable(),
})
export type RateLimitEvent = z.output<typeof rateLimitEvent>

export const rateLimitFilter = z.strictObject({ ...common, limit_name: word.optional(), ...paging })
export type RateLimitFilter = z.output<typeof rateLimitFilter>
