import { z } from 'zod'
import { alert, alertFilter, silence } from '../../alerts/alert.ts'
import { endpoint, endpointFilter } from '../../alerts/endpoint.ts'
import { delivery, deliveryFilter } from '../../alerts/notification.ts'
import { objectId, pageOf } from '../../audit/inventory/values.ts'
import {
  alertExample,
  channelExample,
  channelTestExample,
  deliveryExample,
  endpointExample,
  silenceExample,
} from '../alert-examples.ts'
import { type Route, route } from '../route.ts'
import {
  channelName,
  channels,
  channelTest,
  endpointWanted,
  silences,
  silencesQuery,
  silenceWanted,
} from '../schemas/alerts.ts'
import { found } from './found.ts'

const { id: _id, by: _by, made: _made, ended: _ended, ...silenceBodyExample } = silenceExample

export const alertRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/alerts',
    id: 'listAlerts',
    tag: 'alerts',
    summary: 'What is wrong or was, each with its cause and what to do about it, newest first',
    role: 'viewer',
    noted: 'alerts',
    query: alertFilter,
    answer: pageOf('alerts', alert),
    example: { alerts: [alertExample], next: null },
    async handle({ alerts }, { query }) {
      const { items, next } = await alerts.alerts(query)
      return { alerts: items, next }
    },
  }),
  route({
    method: 'GET',
    path: '/alerts/{id}',
    id: 'getAlert',
    tag: 'alerts',
    summary: 'One alert',
    role: 'viewer',
    noted: 'alert',
    params: z.strictObject({ id: objectId().meta({ example: alertExample.id }) }),
    answer: alert,
    example: alertExample,
    refuses: [404],
    handle: async ({ alerts }, { params }) =>
      found(await alerts.alert(params.id), 'there is no alert with this id'),
  }),
  route({
    method: 'GET',
    path: '/notifications',
    id: 'listNotifications',
    tag: 'alerts',
    summary: 'Who was told what, and what became of it, newest first',
    role: 'viewer',
    noted: 'notifications',
    query: deliveryFilter,
    answer: pageOf('notifications', delivery),
    example: { notifications: [deliveryExample], next: null },
    async handle({ alerts }, { query }) {
      const { items, next } = await alerts.deliveries(query)
      return { notifications: items, next }
    },
  }),
  route({
    method: 'GET',
    path: '/silences',
    id: 'listSilences',
    tag: 'alerts',
    summary: 'What nobody is told of, and until when',
    role: 'viewer',
    noted: 'silences',
    query: silencesQuery,
    answer: silences,
    example: { silences: [silenceExample] },
    handle: async ({ alerts }, { query }) => ({ silences: await alerts.silences(query.ended) }),
  }),
  route({
    method: 'POST',
    path: '/silences',
    id: 'createSilence',
    tag: 'alerts',
    summary: 'Keep alerts quiet for a while; they are recorded and listed all the same',
    role: 'operator',
    status: 201,
    body: silenceWanted,
    bodyExample: silenceBodyExample,
    answer: silence,
    example: silenceExample,
    handle: (operations, { body, actor }) => operations.silence(body, actor),
  }),
  route({
    method: 'DELETE',
    path: '/silences/{id}',
    id: 'endSilence',
    tag: 'alerts',
    summary: 'End a silence before its time; what began under it and still fires is told',
    role: 'operator',
    status: 204,
    params: z.strictObject({ id: objectId().meta({ example: silenceExample.id }) }),
    answer: null,
    refuses: [404],
    handle: (operations, { params, actor }) => operations.endSilence(params.id, actor),
  }),
  route({
    method: 'GET',
    path: '/channels',
    id: 'listChannels',
    tag: 'alerts',
    summary: 'Where people are told, and whether it works',
    role: 'viewer',
    answer: channels,
    example: { channels: [channelExample] },
    handle: async (operations) => ({ channels: await operations.channels() }),
  }),
  route({
    method: 'POST',
    path: '/channels/{name}/test',
    id: 'testChannel',
    tag: 'alerts',
    summary: 'Send a notification to a channel now, to see whether it arrives',
    role: 'operator',
    params: channelName,
    answer: channelTest,
    example: channelTestExample,
    refuses: [404],
    handle: (operations, { params, actor }) => operations.testChannel(params.name, actor),
  }),
  route({
    method: 'GET',
    path: '/endpoints',
    id: 'listEndpoints',
    tag: 'watch list',
    summary: 'Places that serve certificates, and what they served last',
    role: 'viewer',
    noted: 'endpoints',
    query: endpointFilter,
    answer: pageOf('endpoints', endpoint),
    example: { endpoints: [endpointExample], next: null },
    async handle({ alerts }, { query }) {
      const { items, next } = await alerts.endpoints(query)
      return { endpoints: items, next }
    },
  }),
  route({
    method: 'POST',
    path: '/endpoints',
    id: 'addEndpoint',
    tag: 'watch list',
    summary: 'Put a place on the watch list',
    role: 'operator',
    status: 201,
    body: endpointWanted,
    bodyExample: { endpoint: 'mail.example.com:25/smtp' },
    answer: endpoint,
    example: { ...endpointExample, source: 'added' },
    handle: (operations, { body, actor }) => operations.addEndpoint(body.endpoint, actor),
  }),
  route({
    method: 'DELETE',
    path: '/endpoints/{endpoint}',
    id: 'removeEndpoint',
    tag: 'watch list',
    summary: 'Take a place off the watch list',
    role: 'operator',
    status: 204,
    params: endpointWanted,
    answer: null,
    refuses: [404, 409],
    handle: (operations, { params, actor }) => operations.removeEndpoint(params.endpoint, actor),
  }),
]
