import type { Ambiguity } from '../acme/ambiguity.ts'
import type { Jwk } from '../acme/jwk.ts'
import { type Jws, readJws } from '../acme/jws.ts'
import { thumbprintOf } from '../acme/thumbprint.ts'
import type { Classified, Inspected, JwsInspection } from './exchange.ts'
import type { AccountKey } from './resource.ts'
import { verifySignature } from './verify-signature.ts'

/** Where account keys are known from. */
export interface AccountKeys {
  accountKey(ca: string, account: string): Promise<AccountKey | null>
}

/**
 * Reads the signed request and checks its signature where the key is known. It never refuses: what could be read
 * two ways is added to the exchange's ambiguities, and a bad signature is a verdict, for the CA to judge.
 */
export async function inspect(exchange: Classified, keys: AccountKeys): Promise<Inspected> {
  const { method, body, truncated } = exchange.request
  if (body.length === 0 || truncated) return { ...exchange, inspection: null }
  if (method !== 'POST') return marked(exchange, [{ kind: 'unexpected-body', where: 'body' }], null)
  const { jws, ambiguities } = readJws(body)
  if (!jws) return marked(exchange, ambiguities, null)
  const inspection = await inspectSignature(exchange, jws, keys)
  if (jws.header.url === arrivedAt(exchange)) return marked(exchange, ambiguities, inspection)
  return marked(exchange, [...ambiguities, { kind: 'url-mismatch', where: 'protected.url' }], inspection)
}

/** RFC 8555 §6.4: the URL that the header has to be equal to, byte for byte. */
function arrivedAt({ destination, request }: Classified): string {
  return `https://${destination?.authority ?? request.authority ?? ''}${request.target}`
}

async function inspectSignature(exchange: Classified, jws: Jws, keys: AccountKeys): Promise<JwsInspection> {
  const key = await keyOf(exchange, jws, keys)
  if (!key) return { jws, verdict: 'keyUnknown', thumbprint: null, key: null }
  return { jws, verdict: await verifySignature(jws, key), thumbprint: thumbprintOf(key), key }
}

async function keyOf({ destination }: Classified, { header }: Jws, keys: AccountKeys): Promise<Jwk | null> {
  if (header.jwk) return header.jwk
  if (header.kid === undefined || !destination) return null
  return (await keys.accountKey(destination.ca, header.kid))?.jwk ?? null
}

function marked(
  exchange: Classified,
  found: readonly Ambiguity[],
  inspection: JwsInspection | null,
): Inspected {
  const ambiguities = found.length === 0 ? exchange.ambiguities : [...exchange.ambiguities, ...found]
  return { ...exchange, ambiguities, inspection }
}
