/** Pre-signed ACME requests for one target: every `url` names the authority its client calls. */
import { randomBytes } from 'node:crypto'
import { type AccountKeyPair, signJws } from '../support/sign-jws.ts'

/** Orders whose URLs are made known beforehand, by real newOrder and authorization answers. */
export const KNOWN_ORDERS = 64

/** The resources one issuance asks for, in turn; every request is a POST. */
const TURN = [
  'new-order',
  'authz',
  'challenge',
  'authz',
  'finalize',
  'order',
  'certificate',
  'account',
] as const

export interface Signer {
  readonly key: AccountKeyPair
  readonly authority: string
}

/** A whole HTTP/1.1 request as bytes. */
export function signedPost(signer: Signer, path: string, payload: unknown, byKey = false): Buffer {
  const base = `https://${signer.authority}`
  const by = byKey ? { jwk: signer.key.jwk } : { kid: `${base}/account/1` }
  const nonce = randomBytes(16).toString('base64url')
  const body = signJws(signer.key, { ...by, nonce, url: `${base}${path}` }, payload)
  const head = `POST ${path} HTTP/1.1\r\nHost: ${signer.authority}\r\nUser-Agent: acmetap-bench/1\r\nContent-Type: application/jose+json\r\nContent-Length: ${body.length}\r\n\r\n`
  return Buffer.concat([Buffer.from(head), body])
}

/** What has to be asked first, one after the other, so that account key and resources are known. */
export function setUp(signer: Signer): Buffer[] {
  const requests = [
    Buffer.from(
      `GET /directory HTTP/1.1\r\nHost: ${signer.authority}\r\nUser-Agent: acmetap-bench/1\r\n\r\n`,
    ),
    signedPost(signer, '/new-account', { termsOfServiceAgreed: true }, true),
  ]
  for (let i = 1; i <= KNOWN_ORDERS; i++) requests.push(newOrder(signer))
  for (let i = 1; i <= KNOWN_ORDERS; i++) requests.push(signedPost(signer, `/authz/${i}`, undefined))
  return requests
}

/** `count` requests, each with its own nonce and signature. */
export function signLoad(signer: Signer, count: number): Buffer[] {
  return Array.from({ length: count }, (_, i) => {
    const kind = TURN[i % TURN.length]
    const id = 1 + (Math.floor(i / TURN.length) % KNOWN_ORDERS)
    if (kind === 'new-order') return newOrder(signer)
    if (kind === 'account') return signedPost(signer, '/account/1', undefined)
    const payload = kind === 'challenge' ? {} : kind === 'finalize' ? { csr: 'MAA' } : undefined
    return signedPost(signer, `/${kind}/${id}`, payload)
  })
}

/** Small, unsigned, and always the CA's own to answer. */
export function newNonce({ authority }: Pick<Signer, 'authority'>): Buffer {
  return Buffer.from(`GET /new-nonce HTTP/1.1\r\nHost: ${authority}\r\nUser-Agent: acmetap-bench/1\r\n\r\n`)
}

function newOrder(signer: Signer): Buffer {
  const value = `${randomBytes(6).toString('hex')}.bench.test`
  return signedPost(signer, '/new-order', { identifiers: [{ type: 'dns', value }] })
}
