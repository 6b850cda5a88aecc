import { MAX_URL_LENGTH } from '../acme/members.ts'
import type { Destination } from '../exchange/exchange.ts'
import { EngineError } from './engine-error.ts'
import { oneLine } from './one-line.ts'

/** RFC 3986 §2: what may stand in path and query. */
const TARGET = /^\/[A-Za-z0-9\-._~:/?[\]@!$&'()*+,;=%]*$/

/**
 * Origin-form target of a URL that a CA named. RFC 8555 lets a CA spread over hosts; we follow none away from the host of
 * its directory, which is the only one the operator has trusted. Throws EngineError (`protocol`). `what`: `newOrder`.
 */
export function targetOf(url: string, { ca, authority }: Destination, what: string): string {
  const origin = `https://${authority}`
  if (isOfCa(url, { ca, authority })) return url.slice(origin.length)
  throw new EngineError(
    'protocol',
    `the CA ${JSON.stringify(ca)} names a URL for ${what} that does not lead to ${origin}/, so it is not followed: ${oneLine(url, 200)}`,
  )
}

/** Whether it leads to the CA's own origin, and is written as it goes out. */
export function isOfCa(url: string, { authority }: Destination): boolean {
  const origin = `https://${authority}`
  return url.length <= MAX_URL_LENGTH && url.startsWith(`${origin}/`) && TARGET.test(url.slice(origin.length))
}

/** A reference in an answer (`Location`, `Link`) as an absolute URL of the CA's own origin; as {@link targetOf}. */
export function resolved(reference: string, base: string, destination: Destination, what: string): string {
  const url = reference.startsWith('https://') ? reference : URL.parse(reference, base)?.href
  targetOf(url ?? reference, destination, what)
  return url!
}
