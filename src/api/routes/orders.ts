import { z } from 'zod'
import { order, orderDetail, orderFilter } from '../../audit/inventory/order.ts'
import { pageOf } from '../../audit/inventory/values.ts'
import { orderDetailExample, orderExample } from '../examples.ts'
import { type Route, route } from '../route.ts'
import { found } from './found.ts'

export const orderRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/orders',
    id: 'listOrders',
    tag: 'orders',
    summary: 'Orders (RFC 8555 §7.1.3)',
    role: 'viewer',
    noted: 'orders',
    query: orderFilter,
    answer: pageOf('orders', order),
    example: { orders: [orderExample], next: null },
    async handle({ inventory }, { query }) {
      const { items, next } = await inventory.orders(query)
      return { orders: items, next }
    },
  }),
  route({
    method: 'GET',
    path: '/orders/{id}',
    id: 'getOrder',
    tag: 'orders',
    summary: 'One order with its authorizations and a timeline of every step',
    role: 'viewer',
    params: z.strictObject({
      id: z
        .string()
        .min(1)
        .max(2048)
        .meta({ description: 'Id or URL (percent-encoded) of the order.', example: orderExample.id }),
    }),
    answer: orderDetail,
    example: orderDetailExample,
    refuses: [404],
    handle: async ({ inventory }, { params }) =>
      found(await inventory.order(params.id), 'there is no order with this id or URL'),
  }),
]
