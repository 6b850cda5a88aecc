import { summary, summaryFilter } from '../../audit/inventory/summary.ts'
import { summaryExample } from '../examples.ts'
import { type Route, route } from '../route.ts'

export const summaryRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/summary',
    id: 'getSummary',
    tag: 'summary',
    summary: 'Counts of exchanges over time, and totals of the inventory',
    role: 'viewer',
    noted: 'summary',
    query: summaryFilter,
    answer: summary,
    example: summaryExample,
    handle: ({ inventory }, { query }) => inventory.summary(query),
  }),
]
