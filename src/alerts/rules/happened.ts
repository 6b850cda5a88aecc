import { hash } from 'node:crypto'
import { clientText } from '../../audit/inventory/client-text.ts'
import type { Happening, HappeningOf } from '../../audit/inventory/happening.ts'
import { boundedLine, redactText } from '../../audit/redaction.ts'
import type { Subject } from '../alert.ts'
import type { Millis, Occurrence, Resolution, Signals } from '../rule.ts'
import { namesText, type Standing, standing } from './standing.ts'

export const NOTHING: Signals = { occurrences: [], resolutions: [] }

/** Names of one happening that are resolved one by one; a certificate has at most 100 with public CAs. */
const MAX_NAMES = 100
const MAX_SAID = 1_000

export function occurred(...occurrences: readonly Occurrence[]): Signals {
  return { occurrences, resolutions: [] }
}

export function resolved(...resolutions: readonly Resolution[]): Signals {
  return { occurrences: [], resolutions }
}

interface Event extends Omit<Standing, 'at' | 'about' | 'evidence'> {
  readonly names?: readonly string[]
  readonly details?: Subject['details']
  readonly certificate?: string
  readonly until?: Millis | null
  readonly isNotice?: boolean
}

/** An occurrence that a happening shows: whom it is about, when, and what proves it come from the happening. */
export function shownBy(happening: Happening, event: Event): Occurrence {
  const { ca, account, client, exchange, order, mode } = happening
  const {
    names = happening.names,
    details = {},
    certificate,
    until = null,
    isNotice = false,
    ...rest
  } = event
  const label = labelOf({ client, mode })
  const about = {
    ca,
    names: [...names],
    account: account?.url ?? null,
    client: client?.id ?? null,
    clientText: client && clientText({ ...client, label }),
    label,
    details,
  }
  const evidence = { exchange, order, certificate: certificate ?? null }
  const at = Date.parse(happening.at)
  return { ...standing({ ...rest, at, about, evidence }), until, isNotice }
}

/** In relay the label is the host by which clients reach acmetap: nobody's own. */
export function labelOf({ client, mode }: Pick<Happening, 'client' | 'mode'>): string | null {
  return mode === 'relay' ? null : (client?.label ?? null)
}

/** What the CA said, for people who may see alerts: without links that act for an account. */
export function saidOf({ problem }: Pick<HappeningOf<'failed'>, 'problem'>): string | null {
  return withoutLinks(problem?.detail ?? null)
}

/** RFC 8555 §6.7: a detail is text for people; Boulder puts the link that unpauses an account into it. */
export function withoutLinks(text: string | null): string | null {
  if (text === null) return null
  const plain = redactText(text).replace(/\bhttps?:\/\/\S*unpause\S*/gi, '[link for admins]')
  return boundedLine(plain, MAX_SAID)
}

/** Bounded and the same for the same names in any order: one name as it is, of several a digest. */
export function keyOfNames(names: readonly string[]): string {
  const [only] = names
  if (names.length <= 1) return only ?? '-'
  return `${names.length} names ${hash('sha256', JSON.stringify([...names].sort())).slice(0, 16)}`
}

/** Parts of a key; one that is not known is `-`. */
export function keyOf(...parts: readonly (string | null | undefined)[]): string {
  return parts.map((part) => part ?? '-').join(' ')
}

/**
 * For every name: alerts about it at this CA end, of this client or account alone where one is given. That another CA,
 * of tests or to fall back on, did what this one refuses ends nothing.
 */
export function overFor(
  happening: Happening,
  rule: Resolution['rule'],
  { client = null, account = null }: { readonly client?: string | null; readonly account?: string | null },
  why: string,
): Resolution[] {
  const at = Date.parse(happening.at)
  const { ca, names } = happening
  return names.slice(0, MAX_NAMES).map((name) => ({ rule, by: { name, client, ca, account }, at, why }))
}

/** For a title: the names, else the CA. */
export function subjectText({ names, ca }: Pick<Happening, 'names' | 'ca'>): string {
  if (names.length > 0) return namesText(names)
  return ca ?? 'acmetap'
}
