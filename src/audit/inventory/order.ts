import { z } from 'zod'
import { DIAGNOSIS_CLASSES } from '../diagnosis/classes.ts'
import { diagnosis } from '../diagnosis/diagnosis.ts'
import { challenge } from './challenge.ts'
import { common, identifier, instant, objectId, paging, problem } from './values.ts'

const clientRef = z.strictObject({
  id: objectId(),
  program: z.string().nullable(),
  source: z.string().nullable(),
  label: z.string().nullable(),
})

/** An order (RFC 8555 §7.1.3), known by its URL: a CA may return the same order to another newOrder. */
export const order = z.strictObject({
  id: objectId(),
  ca: z.string(),
  url: z.string(),
  account: z.strictObject({ id: objectId(), url: z.string() }).nullable(),
  client: clientRef.nullable(),
  identifiers: z.array(identifier),
  status: z.string().nullable().meta({
    description:
      'As the CA last told it, or as follows from its authorizations: invalid where one of them failed (RFC 8555 §7.1.6).',
  }),
  expires: instant()
    .nullable()
    .meta({ description: 'When the order is dropped if unfinished: not the expiry of a certificate.' }),
  profile: z.string().nullable(),
  replaces: z
    .string()
    .nullable()
    .meta({ description: 'ARI identifier of the certificate it replaces (RFC 9773 §5).' }),
  notBefore: instant().nullable().meta({ description: 'Asked for by the client.' }),
  notAfter: instant().nullable().meta({ description: 'Asked for by the client.' }),
  requests: z.int().meta({ description: 'newOrder requests that were answered with it.' }),
  csr: z
    .strictObject({
      names: z.array(identifier),
      keyType: z.string().nullable(),
      keyBits: z.int().nullable(),
      spki: z.string().nullable().meta({ description: 'SHA-256 of its SubjectPublicKeyInfo, hex.' }),
      exchange: z.string().meta({ description: 'The finalize exchange that holds it.' }),
    })
    .nullable(),
  certificate: z
    .string()
    .nullable()
    .meta({ description: 'SHA-256 fingerprint of the certificate that was downloaded, hex.' }),
  certificateUrl: z.string().nullable(),
  error: problem.nullable(),
  diagnosis: diagnosis
    .nullable()
    .meta({ description: 'Why it failed or stands still; null where nothing is wrong.' }),
  createdAt: instant(),
  updatedAt: instant(),
})
export type InventoriedOrder = z.output<typeof order>

export const authorization = z.strictObject({
  id: objectId(),
  url: z.string(),
  identifier: identifier.nullable(),
  wildcard: z.boolean(),
  status: z.string().nullable(),
  expires: instant().nullable(),
  reused: z.boolean().meta({ description: 'It was valid already when this order named it.' }),
  challenges: z.array(challenge),
})

/** One exchange as a step of an issuance. */
export const step = z.strictObject({
  exchange: z.string(),
  at: instant(),
  operation: z.string(),
  about: z.array(z.string()).meta({ description: 'Names.' }),
  challengeType: z.string().nullable(),
  outcome: z
    .string()
    .nullable()
    .meta({ description: 'response, refused, failed, unknown, notSent; null while it runs.' }),
  status: z.int().nullable().meta({ description: 'HTTP status.' }),
  objectStatus: z.string().nullable().meta({ description: 'Of the object in the answer.' }),
  problem: problem.nullable(),
  diagnosis: diagnosis.nullable(),
  duration: z.number().nullable().meta({ description: 'Seconds.' }),
})
export type Step = z.output<typeof step>

export const orderDetail = order.extend({
  authorizations: z.array(authorization),
  timeline: z
    .array(step)
    .meta({ description: 'Every exchange of the issuance, oldest first, at most 1000.' }),
})
export type OrderDetail = z.output<typeof orderDetail>

export const ORDER_STATUSES = ['pending', 'ready', 'processing', 'valid', 'invalid'] as const

export const orderFilter = z.strictObject({
  ...common,
  status: z.enum(ORDER_STATUSES).optional(),
  diagnosis: z.enum(DIAGNOSIS_CLASSES).optional(),
  profile: z.string().min(1).max(256).optional(),
  ...paging,
})
export type OrderFilter = z.output<typeof orderFilter>
