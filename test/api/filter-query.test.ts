import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { z } from 'zod'
import { filterQuery } from '../../src/api/filter-query.ts'
import { accountFilter } from '../../src/audit/inventory/account.ts'
import { certificateFilter } from '../../src/audit/inventory/certificate.ts'
import { challengeFilter } from '../../src/audit/inventory/challenge.ts'
import { clientFilter } from '../../src/audit/inventory/client.ts'
import { exchangeFilter } from '../../src/audit/inventory/exchange-filter.ts'
import { failureFilter, rateLimitFilter } from '../../src/audit/inventory/failure.ts'
import { orderFilter } from '../../src/audit/inventory/order.ts'
import { summaryFilter } from '../../src/audit/inventory/summary.ts'

const FILTERS: Readonly<Record<string, z.ZodType>> = {
  accountFilter,
  certificateFilter,
  challengeFilter,
  clientFilter,
  exchangeFilter,
  failureFilter,
  rateLimitFilter,
  orderFilter,
  summaryFilter,
}
const GIVEN: readonly Readonly<Record<string, string>>[] = [
  {},
  { ca: 'pebble & sons=?#%', limit: '1000', cursor: 'abc_-' },
  { name: '.Example.COM' },
  { name: '*.example.com.' },
  { name: '2001:DB8::1' },
  { since: '24h', until: '2026-01-31T12:00:00.123456+02:00' },
  { since: '999999d' },
  { unmanaged: 'false', state: 'expired', serial: '0A:0b', expires_before: '30d' },
  { unmanaged: 'true' },
  { status: '404', mode: 'intercept', operation: 'newOrder', outcome: 'running', order: 'a'.repeat(16) },
  { status: 'valid' },
  { by: 'ca,operation,ca', every: 'day' },
  { by: '' },
]

test.each(Object.keys(FILTERS))('%s comes through a query string as it was', (name) => {
  const schema = FILTERS[name]!
  let read = 0
  for (const given of GIVEN) {
    const first = schema.safeParse(given)
    if (!first.success) continue
    const again = schema.parse(Object.fromEntries(filterQuery(first.data as object)))
    const early = given.since === '999999d' ? { since: 0 } : {}
    expect(again).toEqual({ ...(first.data as object), ...early })
    read += 1
  }
  expect(read).toBeGreaterThan(2)
})

test('any word comes through', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1, maxLength: 40, unit: 'grapheme' }), (ca) => {
      const query = filterQuery(orderFilter.parse({ ca })).toString()
      expect(orderFilter.parse(Object.fromEntries(new URLSearchParams(query))).ca).toBe(ca)
    }),
    { numRuns: 300 },
  )
})
