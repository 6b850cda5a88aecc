/** What the server says of itself, and what it answers to those who run it. As in `operations.ts`, which is the contract. */
import { z } from 'zod'
import { instant } from '../../audit/inventory/values.ts'
import { ROLES } from '../../audit/token.ts'
import { POLICY_MODES } from '../../exchange/decision.ts'

const micros = () => z.number().meta({ description: 'µs since 1970.' })
const state = z.enum(['ok', 'unreachable', 'unknown'])

export const ca = z.strictObject({
  name: z.string(),
  title: z.string(),
  directories: z.array(
    z.strictObject({
      url: z.string(),
      state,
      checkedAt: micros().nullable(),
      detail: z.string().nullable(),
    }),
  ),
  relays: z.array(
    z.strictObject({
      host: z.string(),
      state: z.enum(['ok', 'refused', 'unreachable', 'unknown']).meta({
        description: "refused: the CA answers with URLs that are not acmetap's, so nothing is relayed.",
      }),
      advice: z.string().nullable(),
      checkedAt: micros().nullable(),
    }),
  ),
})
export const cas = z.strictObject({ cas: z.array(ca) })

export const status = z.strictObject({
  version: z.string(),
  instance: z.string(),
  pid: z.int(),
  startedAt: micros(),
  config: z.strictObject({ file: z.string(), digest: z.string() }),
  policy: z
    .strictObject({
      file: z.string(),
      digest: z.string(),
      mode: z.enum(POLICY_MODES),
      rules: z.int(),
    })
    .nullable()
    .meta({ description: 'The policy in force; null where there is none.' }),
  listeners: z.array(z.strictObject({ name: z.string(), address: z.string(), port: z.int() })),
  store: z.strictObject({
    state: z.enum(['ok', 'unavailable']),
    detail: z.string().nullable(),
    waiting: z.int(),
    lastCommit: z.number().meta({ description: 'Duration of the last commit in µs.' }),
  }),
  inFlight: z.int(),
  tunnels: z.int(),
  namesNotCovered: z.array(z.string()),
  sinks: z.array(z.strictObject({ name: z.string(), backlog: z.int(), lastError: z.string().nullable() })),
})

export const progress = z.strictObject({
  projected: z.int().meta({ description: 'Number of the last fact that is in the inventory.' }),
  recorded: z.int().meta({ description: 'Number of the last fact in the record.' }),
  rebuilding: z.boolean(),
  fault: z.string().nullable().meta({ description: 'Why it stands still; null where it does not.' }),
})

export const reloadReport = z.strictObject({
  ok: z.boolean(),
  digest: z.string().meta({ description: 'Of the configuration in force after the attempt.' }),
  problems: z.array(
    z.looseObject({
      file: z.string(),
      line: z.int(),
      column: z.int(),
      path: z.string(),
      message: z.string(),
      instead: z.string().nullable(),
    }),
  ),
})

export const token = z.strictObject({
  id: z.string().regex(/^[0-9a-f]{8}$/),
  name: z.string(),
  role: z.enum(ROLES),
  createdAt: instant(),
  expires: instant().nullable(),
})

const HOURS: Readonly<Record<string, number>> = { h: 1, d: 24 }

/** RFC 3339, or so long from now: 12h, 90d. Read into µs since 1970. */
export const expiry = z
  .string()
  .max(40)
  .transform((text, context): number => {
    const ahead = /^(\d{1,5})([hd])$/.exec(text)
    if (ahead) return (Date.now() + Number(ahead[1]) * HOURS[ahead[2]!]! * 3_600_000) * 1000
    const at = /^\d{4}-\d\d-\d\d(T[\d:.]+(Z|[+-]\d\d:\d\d))?$/.test(text) ? Date.parse(text) : Number.NaN
    if (!Number.isNaN(at)) return at * 1000
    context.addIssue({
      code: 'custom',
      message: 'must be a time like 2027-01-31T12:00:00Z, or 12h, 90d from now',
    })
    return z.NEVER
  })
  .meta({ description: 'RFC 3339, or how long from now: 12h, 90d.', example: '90d' })

export const tokenWanted = z.strictObject({
  name: z
    .string()
    .min(1)
    .max(64)
    .meta({ description: 'Whose it is: stands in the record beside what is asked with it.' }),
  role: z.enum(ROLES),
  expires: expiry
    .nullable()
    .optional()
    .meta({ description: 'RFC 3339, or 12h, 90d from now; without: never.' }),
})

export const createdToken = z.strictObject({
  token,
  text: z.string().meta({ description: 'What a bearer sends. Told this once.' }),
})
export const tokens = z.strictObject({ tokens: z.array(token) })

export const forgotten = z.strictObject({
  values: z.int().meta({ description: 'Personal values that were erased.' }),
  bodies: z.int().meta({ description: 'Bodies that held them.' }),
  kinds: z.array(z.string()),
})

export const importReport = z.strictObject({
  added: z.int().meta({ description: 'Not known before.' }),
  known: z.int(),
})
export const certificateImportReport = importReport.extend({
  problems: z.array(z.string()).meta({ description: 'One line each: what could not be read.' }),
})
