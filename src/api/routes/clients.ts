import { client, clientFilter } from '../../audit/inventory/client.ts'
import { pageOf } from '../../audit/inventory/values.ts'
import { clientExample } from '../examples.ts'
import { type Route, route } from '../route.ts'

export const clientRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/clients',
    id: 'listClients',
    tag: 'clients',
    summary: 'Who asks: one account, from one source, with one program, under one label',
    role: 'viewer',
    noted: 'clients',
    query: clientFilter,
    answer: pageOf('clients', client),
    example: { clients: [clientExample], next: null },
    async handle({ inventory }, { query }) {
      const { items, next } = await inventory.clients(query)
      return { clients: items, next }
    },
  }),
]
