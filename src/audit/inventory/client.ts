import { z } from 'zod'
import { common, instant, objectId, paging, word } from './values.ts'

/**
 * Who asks: one account, from one source, with one program, under one label. Another version of the program is the same
 * client. Exchanges that show no account (directory, nonce, renewal information) count for the client they share
 * source, program and label with once it has an account, and for one without an account until then.
 */
export const client = z.strictObject({
  id: objectId(),
  account: z.strictObject({ id: objectId(), url: z.string(), ca: z.string() }).nullable(),
  source: z
    .string()
    .nullable()
    .meta({ description: 'Address it came from; null where it was erased or is not kept.' }),
  label: z.string().nullable().meta({
    description: 'Proxy user in intercept, Host in relay, label of the EAB key or the path in broker.',
  }),
  program: z
    .string()
    .nullable()
    .meta({ description: 'First product of its User-Agent.', example: 'CertbotACMEClient' }),
  versions: z.array(z.string()).meta({ description: 'Of the program, in the order they were first seen.' }),
  userAgent: z.string().nullable().meta({ description: 'The last one, whole.' }),
  modes: z.array(z.string()),
  orders: z.int(),
  certificates: z.int(),
  failures: z.int().meta({ description: 'Failures of the last 7 days.' }),
  asksRenewalInfo: z
    .boolean()
    .meta({ description: 'Whether it has ever asked for renewal information (RFC 9773).' }),
  firstSeen: instant(),
  lastSeen: instant(),
})
export type Client = z.output<typeof client>

export const clientFilter = z.strictObject({
  ca: common.ca,
  account: common.account,
  source: word.optional().meta({ description: 'Address, exactly.' }),
  label: word.optional(),
  program: word.optional().meta({ description: 'As in `program`, exactly.' }),
  name: common.name,
  since: common.since,
  until: common.until,
  ...paging,
})
export type ClientFilter = z.output<typeof clientFilter>
