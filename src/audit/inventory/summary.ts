import { z } from 'zod'
import { instant, moment, word } from './values.ts'

export const SUMMARY_DIMENSIONS = ['ca', 'mode', 'operation', 'outcome', 'problem', 'diagnosis'] as const
export type SummaryDimension = (typeof SUMMARY_DIMENSIONS)[number]

/** Counts of exchanges over time, by any of these dimensions. They outlive the exchanges themselves. */
export const summaryFilter = z.strictObject({
  since: moment.optional().meta({ description: 'Default: 24h ago.' }),
  until: moment.optional(),
  every: z.enum(['hour', 'day', 'all']).default('hour'),
  by: z
    .string()
    .max(100)
    .optional()
    .transform((text, context): readonly SummaryDimension[] => {
      const asked = text === undefined || text === '' ? [] : text.split(',')
      const unknown = asked.filter((one) => !(SUMMARY_DIMENSIONS as readonly string[]).includes(one))
      if (unknown.length === 0) return [...new Set(asked as SummaryDimension[])]
      context.addIssue({
        code: 'custom',
        message: `unknown: ${unknown.join(', ')}; known: ${SUMMARY_DIMENSIONS.join(', ')}`,
      })
      return z.NEVER
    })
    .meta({ description: `Comma-separated: ${SUMMARY_DIMENSIONS.join(', ')}.`, example: 'ca,operation' }),
  ca: word.optional(),
})
export type SummaryFilter = z.output<typeof summaryFilter>

export const summary = z.strictObject({
  buckets: z
    .array(
      z.strictObject({
        start: instant(),
        by: z
          .record(z.string(), z.string().nullable())
          .meta({ description: 'A value for each dimension asked for.' }),
        exchanges: z.int(),
      }),
    )
    .meta({
      description:
        'Oldest first, only those that count something. Whole hours (UTC): those in which `since` and `until` lie count whole.',
    }),
  totals: z.strictObject({
    exchanges: z.int(),
    accounts: z.int(),
    clients: z.int(),
    orders: z.int(),
    certificates: z.int(),
    valid: z.int().meta({ description: 'Certificates neither expired, revoked nor replaced.' }),
    failures: z.int().meta({ description: 'Within the time asked for.' }),
    unclassified: z.int().meta({ description: 'Of these failures: with a text acmetap does not know yet.' }),
  }),
})
export type Summary = z.output<typeof summary>
