import { X509Certificate } from 'node:crypto'
import { parseLinks } from '../acme/link-headers.ts'
import type { FieldList } from '../exchange/exchange.ts'
import type { Signer } from './account-key.ts'
import type { AcmeAnswer } from './acme-answer.ts'
import { type AcmeSession, wrongAnswer } from './acme-session.ts'
import { resolved } from './ca-url.ts'
import { fieldOf } from './read-answer.ts'

/** What a CA issued (RFC 8555 §7.4.2). Whether it is what was asked for is not looked at. */
export interface DownloadedChain {
  /** PEM, the leaf first: nothing but certificates, each ended by a line feed. */
  readonly pem: string
  /** The same, read; at least one. */
  readonly certificates: readonly X509Certificate[]
  /** URLs of other chains for the same leaf (`Link: rel="alternate"`). */
  readonly alternates: readonly string[]
  /** Exchange that brought it. */
  readonly exchange: string
}

/** Bytes of a chain, certificates in it, and other chains that are looked at. */
const CHAIN_LIMIT = 256 * 1024
const MOST_CERTIFICATES = 10
const MOST_ALTERNATES = 10

const CHAIN = /^\s*(?:-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----\s*)+$/
const ONE = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g

/** POST-as-GET. Throws EngineError (`protocol`) for what is no chain within bounds. */
export async function downloadCertificate(
  session: AcmeSession,
  signer: Signer,
  url: string,
  signal: AbortSignal,
): Promise<DownloadedChain> {
  const answer = await session.post(url, '', signer, { signal, limit: CHAIN_LIMIT })
  const certificates = certificatesOf(session, answer)
  return {
    pem: certificates.map((certificate) => certificate.toString()).join(''),
    certificates,
    alternates: alternatesOf(session, answer.fields, url),
    exchange: answer.exchange,
  }
}

function certificatesOf(session: AcmeSession, answer: AcmeAnswer): readonly X509Certificate[] {
  // RFC 8555 §9.1; there is no other type that we would have asked for.
  const type = fieldOf(answer.fields, 'content-type') ?? ''
  if (!/^\s*application\/pem-certificate-chain\s*(?:;|$)/i.test(type))
    throw wrongAnswer(session, answer, 'answers with something that is no application/pem-certificate-chain')
  const text = answer.body.toString('latin1')
  const blocks = CHAIN.test(text) ? (text.match(ONE) ?? []) : []
  if (blocks.length === 0 || blocks.length > MOST_CERTIFICATES) {
    throw wrongAnswer(
      session,
      answer,
      `answers with something that is no chain of 1 to ${MOST_CERTIFICATES} certificates in PEM`,
    )
  }
  try {
    return blocks.map((block) => new X509Certificate(block))
  } catch {
    throw wrongAnswer(session, answer, 'answers with a chain in which something is no certificate')
  }
}

function alternatesOf(session: AcmeSession, fields: FieldList, url: string): readonly string[] {
  const values = fields.filter(([name]) => name === 'link').map(([, value]) => value)
  const alternates = parseLinks(values)
    .filter(({ rel }) => rel.includes('alternate'))
    .slice(0, MOST_ALTERNATES)
    .flatMap(({ uri }) => {
      // One that leads elsewhere is left out: it is no reason to lose the certificate that is here.
      try {
        return [resolved(uri, url, session.destination, 'an alternate chain')]
      } catch {
        return []
      }
    })
  return [...new Set(alternates)].filter((alternate) => alternate !== url)
}
