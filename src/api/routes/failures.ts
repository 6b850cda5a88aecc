import { z } from 'zod'
import { correlate } from '../../audit/diagnosis/correlate.ts'
import { validationsNear } from '../../audit/diagnosis/validations-near.ts'
import { everyPage } from '../../audit/inventory/every-page.ts'
import {
  correlation,
  type Failure,
  type FailureFilter,
  failure,
  failureFilter,
  rateLimitEvent,
  rateLimitFilter,
} from '../../audit/inventory/failure.ts'
import type { InventoryReader } from '../../audit/inventory/inventory-reader.ts'
import { pageOf } from '../../audit/inventory/values.ts'
import { correlationExample, failureExample, rateLimitExample } from '../examples.ts'
import { type Route, route } from '../route.ts'

/** Failures that are looked at together, newest first: more would hold up the event loop. */
const CORRELATED = 10_000
const PAGE = 1000
const { limit: _limit, cursor: _cursor, ...unpaged } = failureFilter.shape

export const failureRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/failures',
    id: 'listFailures',
    tag: 'failures',
    summary: 'What went wrong, each with its cause and what to do about it',
    role: 'viewer',
    noted: 'failures',
    query: failureFilter,
    answer: pageOf('failures', failure),
    example: { failures: [failureExample], next: null },
    async handle({ inventory }, { query }) {
      const { items, next } = await inventory.failures(query)
      return { failures: items, next }
    },
  }),
  route({
    method: 'GET',
    path: '/failures/correlations',
    id: 'correlateFailures',
    tag: 'failures',
    summary: 'What failures have in common: one resolver, one address, one CA …',
    role: 'viewer',
    noted: 'failures',
    query: z.strictObject(unpaged),
    answer: z.strictObject({
      correlations: z.array(correlation),
      failures: z.int().meta({ description: `Looked at: the newest, at most ${CORRELATED}.` }),
      complete: z.boolean().meta({ description: 'Whether these are all that the filters let through.' }),
    }),
    example: { correlations: [correlationExample], failures: 37, complete: true },
    async handle({ inventory }, { query }) {
      const { failures, complete } = await newest(inventory, query)
      const others = await validationsNear(inventory, failures)
      const correlations = correlate(failures, Date.now() * 1000, others)
      return { correlations, failures: failures.length, complete }
    },
  }),
  route({
    method: 'GET',
    path: '/rate-limits',
    id: 'listRateLimits',
    tag: 'failures',
    summary: "Rate limits that a CA applied (RFC 8555 §6.6), or acmetap's own pacing",
    role: 'viewer',
    noted: 'rate-limits',
    query: rateLimitFilter,
    answer: pageOf('rateLimits', rateLimitEvent),
    example: { rateLimits: [rateLimitExample], next: null },
    async handle({ inventory }, { query }) {
      const { items, next } = await inventory.rateLimits(query)
      return { rateLimits: items, next }
    },
  }),
]

async function newest(
  inventory: InventoryReader,
  filter: Omit<FailureFilter, 'limit' | 'cursor'>,
): Promise<{ readonly failures: readonly Failure[]; readonly complete: boolean }> {
  const failures: Failure[] = []
  for await (const { items, next } of everyPage((page) => inventory.failures({ ...filter, ...page }), PAGE)) {
    failures.push(...items)
    if (next === null) return { failures, complete: true }
    if (failures.length >= CORRELATED) break
  }
  return { failures, complete: false }
}
