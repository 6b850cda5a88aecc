/** Bodies that the interface takes in. Strict: an unknown member is refused by name, never ignored. */
import { isAbsolute } from 'node:path'
import { z } from 'zod'
import { word } from '../../audit/inventory/values.ts'

const member = z
  .string()
  .regex(/^[A-Za-z0-9_-]+$/)
  .max(2048)
/** Members of a private key (RFC 7518 §6.2.2, §6.3.2) are unknown here, so that none is ever taken in. */
const publicKey = z.strictObject({
  kty: z.enum(['EC', 'RSA', 'OKP']),
  crv: member.optional(),
  x: member.optional(),
  y: member.optional(),
  n: member.optional(),
  e: member.optional(),
})

export const accountKey = z.strictObject({
  ca: word,
  account: word.meta({ description: "The account's URL: what requests carry as kid." }),
  jwk: publicKey,
  thumbprint: z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'must be a thumbprint (RFC 7638)'),
  source: z.enum(['newAccount', 'keyChange', 'import']),
})

export const accountKeyImport = z.strictObject({
  keys: z.array(accountKey.extend({ source: z.literal('import') })).max(10_000),
})

/** A file with a key is a mistake of whoever sends it; nothing of it may go further. */
const pem = z
  .string()
  .min(1)
  .max(256 << 10)
  .refine((text) => !/PRIVATE KEY/.test(text), 'must hold certificates only, and holds a private key')

export const certificateImport = z.strictObject({
  host: z.string().min(1).max(253).meta({ description: 'The machine they were found on.' }),
  unmanaged: z
    .boolean()
    .meta({ description: 'Their client takes neither proxy nor root: only imports tell of it.' }),
  certificates: z
    .array(
      z.strictObject({
        pem: pem.meta({ description: 'Leaf first, then what came with it. Never a key.' }),
        path: z.string().max(4096),
        ca: z.string().max(64).nullable(),
        format: z.string().max(32),
      }),
    )
    .max(2000),
})

export const probe = z.strictObject({
  name: word.optional().meta({ description: 'As under `cas` of the configuration; without: all.' }),
})

export const backup = z.strictObject({ file: word.refine(isAbsolute, 'must be an absolute path') })

export const forget = z.strictObject({
  value: z.string().min(1).max(1024).meta({ description: 'An address, a contact or a proxy user, whole.' }),
  dry: z.boolean().default(false).meta({ description: 'Only count what would go.' }),
})

const count = z
  .string()
  .regex(/^\d{1,16}$/, 'must be a whole number')
  .transform(Number)

/** The record's own list, as `ExchangeFilter` has it: for the command line, which merges several records. */
export const recordQuery = z.strictObject({
  ca: word.optional(),
  mode: word.optional(),
  operation: word.optional(),
  outcome: word.optional(),
  problem: word.optional(),
  account: word.optional(),
  issuance: word.optional(),
  name: word.optional(),
  since: count.optional(),
  until: count.optional(),
  before: count.optional(),
  after: count.optional(),
  limit: count.pipe(z.int().min(1).max(1000)).default(50),
})

export const exportNote = z.strictObject({
  what: z.string().min(1).max(64),
  filter: z.record(z.string().max(64), z.string().max(2048)),
  rows: z.int().min(0),
})
