import { createHmac, type KeyObject, sign } from 'node:crypto'

/** A flattened JWS (RFC 7515 §7.2.2) of the three members that RFC 8555 §6.2 permits. */
export interface FlattenedJws {
  readonly protected: string
  readonly payload: string
  readonly signature: string
}

type JwsHeader = Readonly<Record<string, unknown>>

/** RFC 7518 §3.1. Node takes no digest for EdDSA, which has its own. */
const DIGESTS = {
  ES256: 'sha256',
  ES384: 'sha384',
  ES512: 'sha512',
  RS256: 'sha256',
  EdDSA: null,
} as const
export type SignatureAlgorithm = keyof typeof DIGESTS

const MAC_DIGESTS = { HS256: 'sha256', HS384: 'sha384', HS512: 'sha512' } as const
export type MacAlgorithm = keyof typeof MAC_DIGESTS

/** A private key, and the one algorithm it signs by. */
interface SigningKey {
  readonly key: KeyObject
  readonly alg: SignatureAlgorithm
}

/** `payload` '' is POST-as-GET (RFC 8555 §6.3). The header gets the signer's `alg` in front. On the thread pool. */
export async function signJws(
  { key, alg }: SigningKey,
  header: JwsHeader,
  payload: object | '',
): Promise<FlattenedJws> {
  const input = inputOf({ alg, ...header }, payload)
  const signature = await signatureOf(key, alg, Buffer.from(`${input.protected}.${input.payload}`))
  return { ...input, signature: signature.toString('base64url') }
}

/** RFC 8555 §7.3.4: the MAC of an external account binding. */
export function macJws(key: Buffer, alg: MacAlgorithm, header: JwsHeader, payload: object): FlattenedJws {
  const input = inputOf({ alg, ...header }, payload)
  const mac = createHmac(MAC_DIGESTS[alg], key).update(`${input.protected}.${input.payload}`)
  return { ...input, signature: mac.digest('base64url') }
}

function inputOf(header: JwsHeader, payload: object | ''): Omit<FlattenedJws, 'signature'> {
  return { protected: encoded(header), payload: payload === '' ? '' : encoded(payload) }
}

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

function signatureOf(key: KeyObject, alg: SignatureAlgorithm, input: Buffer): Promise<Buffer> {
  // RFC 7518 §3.4: r and s side by side, not the DER that Node makes by itself.
  const options = alg.startsWith('ES') ? { key, dsaEncoding: 'ieee-p1363' as const } : { key }
  return new Promise((resolve, reject) => {
    sign(DIGESTS[alg], input, options, (error, signature) => (error ? reject(error) : resolve(signature)))
  })
}
