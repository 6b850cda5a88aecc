import { z } from 'zod'
import { FIXERS } from '../audit/diagnosis/classes.ts'
import { instant, nameFilter, objectId, paging, word } from '../audit/inventory/values.ts'
import { RULES, SEVERITIES } from './rule-names.ts'

/** What an alert is about. What it does not have is null or empty. */
export const subject = z.strictObject({
  ca: z.string().nullable(),
  /** At most 100; `nameCount` says how many there are. */
  names: z.array(z.string()),
  nameCount: z.int(),
  account: z.string().nullable().meta({ description: 'URL of the account.' }),
  client: objectId().nullable(),
  clientText: z
    .string()
    .nullable()
    .meta({ description: 'Who that is, for people: label, program, address.' }),
  label: z.string().nullable().meta({ description: 'Label of the client: its proxy user or path label.' }),
  /** Of the rule's own: class, limit, endpoint, sink, channel, serial … A closed set of keys per rule. */
  details: z.record(z.string(), z.string()),
})
export type Subject = z.output<typeof subject>

/** Something that is wrong, or was. One per rule and key; what comes again while it fires is counted. */
export const alert = z.strictObject({
  id: objectId().meta({ description: 'Of rule, key and the time it began.' }),
  rule: z.enum(RULES),
  key: z.string().meta({ description: 'What makes two occurrences the same alert.' }),
  severity: z.enum(SEVERITIES),
  state: z.enum(['firing', 'resolved']),
  since: instant(),
  last: instant().meta({ description: 'When it was seen last.' }),
  resolved: instant().nullable(),
  resolution: z.string().nullable().meta({ description: 'Why it counts as resolved, one sentence.' }),
  count: z.int().meta({ description: 'How often it was seen.' }),
  subject,
  title: z.string().meta({ description: 'One line, names cut.' }),
  cause: z.string().meta({ description: 'What happened and why, in a sentence or two.' }),
  remedy: z.string().meta({ description: 'What to do.' }),
  fixer: z.enum(FIXERS).nullable(),
  said: z.string().nullable().meta({ description: 'What the CA said, word for word.' }),
  evidence: z.strictObject({
    exchange: z.string().nullable().meta({ description: 'Exchange that showed it last.' }),
    order: objectId().nullable(),
    certificate: z.string().nullable().meta({ description: 'Fingerprint.' }),
  }),
  silenced: objectId().nullable().meta({ description: 'Silence that keeps it quiet now.' }),
  told: z.int().meta({ description: 'Notifications it was in.' }),
})
export type Alert = z.output<typeof alert>

export const alertFilter = z.strictObject({
  state: z.enum(['firing', 'resolved']).optional(),
  rule: z.enum(RULES).optional(),
  severity: z.enum(SEVERITIES).optional(),
  ca: word.optional(),
  client: objectId().optional(),
  name: nameFilter.optional(),
  ...paging,
})
export type AlertFilter = z.output<typeof alertFilter>

/** Kept in the spelling of certificates, as alerts have it. */
const silencedName = z
  .string()
  .max(300)
  .refine(
    (text) => nameFilter.safeParse(text).success,
    'must be a name like www.example.com, *.example.com or .example.com',
  )
  .overwrite((text) => {
    const read = nameFilter.safeParse(text)
    if (!read.success) return text
    return read.data.kind === 'below' ? `.${read.data.value}` : read.data.value
  })

/** Alerts it matches are recorded and listed, and nobody is told. Everything that is given must match. */
export const silenceRequest = z.strictObject({
  rule: z.enum(RULES).optional(),
  key: word.optional().meta({ description: 'Key of one alert of that rule.' }),
  name: silencedName.optional().meta({
    description: 'A name it is about: `www.example.com`, or `.example.com` with all below.',
  }),
  client: objectId().optional(),
  label: word.optional(),
  ca: word.optional(),
  until: instant(),
  reason: z.string().min(1).max(500),
})
export type SilenceRequest = z.output<typeof silenceRequest>

export const silence = silenceRequest.extend({
  id: objectId(),
  by: z.string().meta({ description: 'Who made it: token, or the user of this machine.' }),
  made: instant(),
  ended: instant().nullable().meta({ description: 'When it was taken back; null where it was not.' }),
})
export type Silence = z.output<typeof silence>
