import { z } from 'zod'
import { exchangeFilter } from '../../audit/inventory/exchange-filter.ts'
import { pageOf } from '../../audit/inventory/values.ts'
import { bodyExample, exchangeExample } from '../examples.ts'
import { Content, type Route, route } from '../route.ts'
import { exchange } from '../schemas/exchange.ts'
import { found } from './found.ts'

const id = z.string().min(1).max(64).meta({ description: 'Of the exchange.', example: exchangeExample.id })

export const exchangeRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/exchanges',
    id: 'listExchanges',
    tag: 'exchanges',
    summary: 'Exchanges: one request with its answer each, as the record has them',
    role: 'viewer',
    noted: 'exchanges',
    query: exchangeFilter,
    answer: pageOf('exchanges', exchange),
    example: { exchanges: [exchangeExample], next: null },
    async handle({ inventory }, { query }) {
      const { items, next } = await inventory.exchanges(query)
      return { exchanges: items, next }
    },
  }),
  route({
    method: 'GET',
    path: '/exchanges/{id}',
    id: 'getExchange',
    tag: 'exchanges',
    summary: 'One exchange',
    role: 'viewer',
    params: z.strictObject({ id }),
    answer: exchange,
    example: exchangeExample,
    refuses: [404],
    handle: async (operations, { params }) =>
      found(await operations.exchange(params.id), 'there is no exchange with this id'),
  }),
  route({
    method: 'GET',
    path: '/exchanges/{id}/bodies/{digest}',
    id: 'getExchangeBody',
    tag: 'exchanges',
    summary: 'A body of an exchange: protected header, payload, signature or answer',
    description: 'Bodies may hold personal data, so this is for operators, and what they open is recorded.',
    role: 'operator',
    noted: 'bodies',
    params: z.strictObject({
      id,
      digest: z
        .string()
        .regex(/^[0-9a-f]{64}$/, 'must be 64 hex digits')
        .meta({ description: 'As a fact of the exchange names it.', example: bodyExample.digest }),
    }),
    answer: {
      'application/octet-stream': {
        schema: z.string().meta({ format: 'binary' }),
        example: bodyExample.text,
      },
    },
    refuses: [404],
    async handle(operations, { params }) {
      const body = found(await operations.body(params.id, params.digest), 'this body is not kept')
      return new Content('application/octet-stream', body)
    },
  }),
]
