import type { Ambiguity } from '../acme/ambiguity.ts'
import { canonicalTarget } from '../acme/canonical-target.ts'
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
  const found = [...ambiguities]
  if (jws.header.url !== arrivedAt(exchange)) found.push({ kind: 'url-mismatch', where: 'protected.url' })
  if (inspection.key === null && (await resemblesAccount(exchange, jws, keys)))
    found.push({ kind: 'resembles-resource', where: 'protected.kid' })
  return marked(exchange, found, inspection)
}

/**
 * Whether the kid is not the URL of an account that is known, but may be taken for it: servers that read the number at
 * its end (Boulder) take `/acct/+7` and `/acct/007` for `/acct/7`, and whoever counts or denies by account does not.
 */
async function resemblesAccount(
  { destination }: Classified,
  { header }: Jws,
  keys: AccountKeys,
): Promise<boolean> {
  const [, origin, path] = /^(https:\/\/[^/?#]+)(\/.*)$/is.exec(header.kid ?? '') ?? []
  if (origin === undefined || path === undefined || !destination) return false
  const plain = `${origin.toLowerCase()}${withPlainNumber(canonicalTarget(path))}`
  return plain !== header.kid && (await keys.accountKey(destination.ca, plain)) !== null
}

function withPlainNumber(path: string): string {
  const end = path.lastIndexOf('/') + 1
  const last = path.slice(end)
  return /^\+?\d+$/.test(last) ? `${path.slice(0, end)}${last.replace(/^\+?0*(?=\d)/, '')}` : path
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
