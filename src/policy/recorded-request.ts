import type { Identifier } from '../acme/identifier.ts'
import type { Asked } from '../exchange/asked.ts'
import type { PolicyVerdict } from '../exchange/decision.ts'
import { isDecided } from './decided-operations.ts'

/** What the record keeps of a request, as far as policy reads it: the intent of an exchange. */
export interface RecordedRequest {
  readonly exchange: string
  /** Id of the newOrder exchange that it belongs to. */
  readonly issuance: string | null
  /** µs since 1970. */
  readonly at: number
  readonly mode: string
  readonly ca: string | null
  readonly operation: string
  readonly client: { readonly userAgent: string | null; readonly label?: string | null }
  readonly request: { readonly method: string; readonly authority: string | null }
  readonly jws: null | {
    readonly kid: string | null
    readonly thumbprint: string | null
    readonly verdict?: string
  }
  readonly account: string | null
  readonly identifiers: readonly Identifier[]
  readonly policyDigest: string | null
  readonly decision: {
    readonly effect: string
    readonly rule: string | null
    readonly policy?: Omit<PolicyVerdict, 'digest'> | null
  }
  readonly asked?: Asked | null
  /** Digests of its personal values, by name: `clientAddress`, `proxyUser`, `contact.0` … */
  readonly personal: Readonly<Record<string, string>>
}

/** Personal values that are still kept, by the same names. */
export type PersonalTexts = Readonly<Record<string, string>>

/** How a request ended, as far as history reads it. */
export interface RecordedEnd {
  readonly exchange: string
  readonly outcome: string
  readonly status: number | null
  /** URL of the account that a newAccount was answered with. */
  readonly account: string | null
}

/** The CA did as it was asked. */
export function wasTaken({ outcome, status }: RecordedEnd): boolean {
  return outcome === 'response' && status !== null && status >= 200 && status <= 299
}

/** As live. */
export function isRecordedDecided({ request, ca, operation }: RecordedRequest): boolean {
  return ca !== null && isDecided(request.method, operation)
}

/** Contact URLs of a newAccount or an account's update, in their order; undefined where one was erased or is hashed. */
export function contactsIn(
  { personal }: RecordedRequest,
  texts: PersonalTexts,
): readonly string[] | undefined {
  const contacts: string[] = []
  for (let n = 0; personal[`contact.${n}`] !== undefined; n++) {
    const text = plainly(texts[`contact.${n}`])
    if (text === undefined) return undefined
    contacts.push(text)
  }
  return contacts
}

/**
 * Contact URLs that an account's update puts in the place of those that are there: null where it leaves them, undefined
 * where one was erased, is hashed or was never kept.
 */
export function contactsPut(
  request: RecordedRequest,
  texts: PersonalTexts,
): readonly string[] | null | undefined {
  const { operation, asked, personal } = request
  if (operation !== 'account') return null
  const count = asked?.kind === 'account' ? asked.contacts : undefined
  if (count === undefined && personal['contact.0'] === undefined) return null
  const contacts = contactsIn(request, texts)
  // Facts of before say no count.
  return count === undefined || contacts?.length === count ? contacts : undefined
}

/** Hashed values say who is the same and not who it is. */
const HASHED = /^~[0-9a-f]{16}$/

export function plainly(text: string | undefined): string | undefined {
  return text === undefined || HASHED.test(text) ? undefined : text
}
