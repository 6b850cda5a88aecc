/** The broker: what is asked of it and answered. As in `broker-operations.ts`, which is the contract. */
import { z } from 'zod'
import { identifier, instant, word } from '../../audit/inventory/values.ts'
import type { DrillRequest, EabKeyRequest } from '../broker-operations.ts'

const name = word.max(64)

export const drill = z.strictObject({
  ca: z.string(),
  labels: z.array(z.string()).nullable().meta({ description: 'Null: for every client.' }),
  until: instant(),
})
export const drills = z.strictObject({ drills: z.array(drill) })

export const brokerStatus = z.strictObject({
  endpoints: z.array(
    z.strictObject({
      name: z.string(),
      directory: z.string().meta({ description: 'URL.' }),
      staging: z.boolean(),
      cas: z.array(z.string()).meta({ description: 'In the order they are tried.' }),
      proof: z.enum(['policy', 'challenge', 'both']),
      eab: z.enum(['required', 'optional']),
      labels: z.array(z.strictObject({ name: z.string(), directory: z.string() })),
      openOrders: z.int(),
    }),
  ),
  cas: z.array(
    z.strictObject({
      name: z.string(),
      kind: z.enum(['acme', 'local']),
      state: z
        .enum(['closed', 'halfOpen', 'open'])
        .meta({ description: 'open: no order goes there. halfOpen: one tries it out.' }),
      why: z.string().nullable(),
      until: instant().nullable(),
    }),
  ),
  drills: z.array(drill),
  openOrders: z.int(),
})

export const brokerOrder = z.strictObject({
  id: z.string(),
  endpoint: z.string(),
  account: z.string(),
  label: z.string().nullable(),
  status: z.enum(['pending', 'ready', 'processing', 'valid', 'invalid']),
  identifiers: z.array(identifier),
  profile: z.string().nullable(),
  ca: z.string().meta({ description: 'Where it is, or was, served.' }),
  candidates: z.array(z.string()).meta({ description: 'CAs that may serve it, in order.' }),
  left: z
    .array(z.strictObject({ ca: z.string(), why: z.string() }))
    .meta({ description: 'CAs it was tried at before.' }),
  error: z.string().nullable().meta({ description: 'Why it is invalid.' }),
  issuance: z.string().meta({ description: 'Id of the exchange that made it.' }),
  createdAt: instant(),
  changedAt: instant(),
  expiresAt: instant(),
})
export const brokerOrders = z.strictObject({ orders: z.array(brokerOrder) })
export const brokerOrdersQuery = z.strictObject({
  endpoint: name.optional(),
  ca: name.optional(),
  open: z
    .enum(['true', 'false'])
    .transform((text) => text === 'true')
    .optional()
    .meta({ description: 'Those that are neither valid nor invalid.' }),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
})

export const drillWanted = z
  .strictObject({
    ca: name,
    labels: z.array(name).min(1).max(100).optional().meta({ description: 'Without it: for every client.' }),
    for: z
      .int()
      .min(1)
      .max(24 * 60 * 60)
      .meta({ description: 'Seconds, at most a day.' }),
  })
  .transform((given) => given as DrillRequest)
export const drillStopped = z.strictObject({
  ca: name.optional().meta({ description: 'Without it: every drill.' }),
})

export const eabKey = z.strictObject({
  id: z.string().meta({ description: 'The key id (kid) that clients are given.' }),
  label: z.string(),
  names: z.array(z.string()).meta({ description: 'Patterns of a policy; empty: every name.' }),
  endpoints: z.array(z.string()).meta({ description: 'Empty: all.' }),
  cas: z.array(z.string()).meta({ description: 'Empty: all of the endpoint.' }),
  uses: z.int().nullable().meta({ description: 'Accounts that may be made with it; null: any number.' }),
  used: z.int().meta({ description: 'Accounts that were made with it.' }),
  state: z.enum(['usable', 'spent', 'expired', 'revoked']),
  expiresAt: instant().nullable(),
  revokedAt: instant().nullable(),
  createdAt: instant(),
})
export const eabKeys = z.strictObject({ keys: z.array(eabKey) })
export const createdEabKey = z.strictObject({
  key: eabKey,
  mac: z.string().meta({ description: 'MAC key, base64url. Told in this answer and never again.' }),
  directories: z.array(z.strictObject({ endpoint: z.string(), url: z.string() })),
})
export const eabKeyWanted = z
  .strictObject({
    label: z
      .string()
      .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'must be 1 to 64 lower-case letters, digits or ._-'),
    names: z.array(z.string().min(1).max(300)).max(200).meta({
      description:
        'Patterns of a policy: `.a.example` is a name and all below it. Empty only with `anyName`.',
    }),
    anyName: z.boolean().optional().meta({ description: 'Every name, in the place of names.' }),
    endpoints: z.array(name).max(50).optional(),
    cas: z.array(name).max(50).optional(),
    uses: z.int().min(1).max(1_000_000).optional(),
    expiresAt: instant().optional(),
  })
  .transform((given) => given as EabKeyRequest)
export const eabKeyParams = (example: string) =>
  z.strictObject({
    id: z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be the id of an EAB key')
      .meta({ example }),
  })
