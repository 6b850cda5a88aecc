/** What the control API accepts, read strictly: an unknown name is refused by name, never ignored. */
import { isAbsolute } from 'node:path'
import { z } from 'zod'
import type { ExchangeFilter } from '../audit/record-store.ts'
import type { AccountKey } from '../exchange/resource.ts'
import { OperationRefused } from './operations.ts'

const word = z.string().min(1).max(2048)
const count = z
  .string()
  .regex(/^\d{1,16}$/, 'must be a whole number')
  .transform(Number)

const exchangesQuery = z.strictObject({
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

/** Throws {@link OperationRefused}. */
export function readExchangesQuery(query: unknown): {
  readonly filter: ExchangeFilter
  readonly limit: number
} {
  const { limit, ...written } = accept(exchangesQuery, query)
  const present = Object.entries(written).filter(([, value]) => value !== undefined)
  return { filter: Object.fromEntries(present) as ExchangeFilter, limit }
}

const tailQuery = z.strictObject({ from: count.optional() })

/** The first intent sequence number asked for; null for "from now on". */
export function readTailQuery(query: unknown): number | null {
  return accept(tailQuery, query).from ?? null
}

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

const importBody = z.strictObject({
  keys: z
    .array(
      z.strictObject({
        ca: word,
        account: word,
        jwk: publicKey,
        thumbprint: z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'must be a thumbprint (RFC 7638)'),
        source: z.literal('import'),
      }),
    )
    .max(10_000),
})

export function readImport(body: unknown): readonly AccountKey[] {
  return accept(importBody, body).keys as readonly AccountKey[]
}

const probeBody = z.strictObject({ name: word.optional() })

export function readProbe(body: unknown): string | undefined {
  return accept(probeBody, body ?? {}).name
}

const backupBody = z.strictObject({ file: word.refine(isAbsolute, 'must be an absolute path') })

export function readBackup(body: unknown): string {
  return accept(backupBody, body).file
}

function accept<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const reasons = result.error.issues.slice(0, 5).map((issue) => {
    if (issue.code === 'unrecognized_keys') return `unknown: ${issue.keys.slice(0, 5).join(', ')}`
    return `${issue.path.map(String).join('.') || 'body'}: ${issue.message}`
  })
  throw new OperationRefused(reasons.join('; '))
}
