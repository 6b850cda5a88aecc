import { z } from 'zod'
import { OPERATIONS } from '../../acme/operation.ts'
import { MODES } from '../../exchange/mode.ts'
import { DIAGNOSIS_CLASSES } from '../diagnosis/classes.ts'
import { common, objectId, paging, word } from './values.ts'

export const OUTCOMES = ['response', 'refused', 'failed', 'unknown', 'notSent', 'running'] as const

/** What the list of exchanges takes. The exchanges themselves are facts of the record. */
export const exchangeFilter = z.strictObject({
  ...common,
  mode: z.enum(MODES).optional(),
  operation: z.enum(OPERATIONS).optional(),
  outcome: z.enum(OUTCOMES).optional(),
  status: z.coerce
    .number('must be an HTTP status')
    .int('must be an HTTP status')
    .min(100, 'must be an HTTP status')
    .max(599, 'must be an HTTP status')
    .optional(),
  problem: word.optional().meta({ description: 'Problem type: a short name (rateLimited) or a whole URN.' }),
  diagnosis: z.enum(DIAGNOSIS_CLASSES).optional(),
  issuance: word.optional().meta({ description: 'Id of the newOrder exchange that began it.' }),
  order: objectId().optional(),
  ...paging,
})
export type ExchangeListFilter = z.output<typeof exchangeFilter>
