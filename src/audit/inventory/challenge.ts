import { z } from 'zod'
import { DIAGNOSIS_CLASSES } from '../diagnosis/classes.ts'
import { diagnosis } from '../diagnosis/diagnosis.ts'
import { common, identifier, instant, objectId, paging, problem, word } from './values.ts'

/** A challenge (RFC 8555 §8) that a client answered or a CA judged; those merely offered are not in lists. */
export const challenge = z.strictObject({
  id: objectId(),
  ca: z.string(),
  url: z.string(),
  type: z.string().nullable().meta({ example: 'http-01' }),
  identifier: identifier.nullable(),
  wildcard: z.boolean(),
  account: z.strictObject({ id: objectId(), url: z.string() }).nullable(),
  status: z.string().nullable().meta({ description: 'pending, processing, valid, invalid.' }),
  answeredAt: instant().nullable().meta({ description: 'When the client first said it is ready.' }),
  judgedAt: instant().nullable().meta({ description: 'When it was first seen valid or invalid.' }),
  error: problem.nullable(),
  diagnosis: diagnosis.nullable(),
})
export type InventoriedChallenge = z.output<typeof challenge>

export const challengeFilter = z.strictObject({
  ...common,
  type: word.optional().meta({ example: 'dns-01' }),
  status: z.enum(['pending', 'processing', 'valid', 'invalid']).optional(),
  problem: word.optional().meta({ description: 'Problem type: a short name or a whole URN.' }),
  diagnosis: z.enum(DIAGNOSIS_CLASSES).optional(),
  ...paging,
})
export type ChallengeFilter = z.output<typeof challengeFilter>
