import { z } from 'zod'
import { common, instant, objectId, paging } from './values.ts'

/** An account at a CA (RFC 8555 §7.1.2), as the exchanges showed it. */
export const account = z.strictObject({
  id: objectId(),
  ca: z.string(),
  url: z.string(),
  status: z.string().nullable().meta({ description: 'As the CA last told it: valid, deactivated, revoked.' }),
  thumbprint: z
    .string()
    .nullable()
    .meta({ description: 'RFC 7638, of the key in use; null until it was seen.' }),
  keyType: z.string().nullable().meta({ description: 'RSA, P-256, P-384, P-521, Ed25519.' }),
  contacts: z.array(z.string().nullable()).meta({ description: 'Null for one that was erased.' }),
  requester: z.string().nullable().meta({ description: "The CA's own number for it (Boulder-Requester)." }),
  externalAccount: z
    .string()
    .nullable()
    .meta({ description: 'Key id of its external account binding (RFC 8555 §7.3.4).' }),
  keyChanges: z.array(instant()).meta({ description: 'When its key was replaced (RFC 8555 §7.3.5).' }),
  orders: z.int().meta({ description: 'Orders that were seen.' }),
  certificates: z.int(),
  firstSeen: instant(),
  lastSeen: instant(),
})
export type InventoriedAccount = z.output<typeof account>

export const accountFilter = z.strictObject({
  ca: common.ca,
  account: common.account,
  status: z.enum(['valid', 'deactivated', 'revoked']).optional(),
  since: common.since,
  until: common.until,
  ...paging,
})
export type AccountFilter = z.output<typeof accountFilter>
