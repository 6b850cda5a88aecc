import { X509Certificate } from 'node:crypto'
import { isLeaf, MAX_CHAIN_BYTES, MAX_CHAIN_CERTIFICATES } from '../../audit/import-certificates.ts'

export interface Chain {
  readonly leaf: X509Certificate
  /** What certifies it, nearest first; as far as the same file holds it. */
  readonly issuers: readonly X509Certificate[]
}

export interface FileContent {
  readonly chains: readonly Chain[]
  /** Certificates of CAs that are in no chain: their fingerprints. */
  readonly authorities: readonly string[]
  /** Blocks that hold a private key. They are passed over. */
  readonly keys: number
  /** Blocks that should be certificates and are none. */
  readonly unreadable: number
}

/** The certificates in PEM, in any order and between anything else; or a single one in DER. */
export function certificatesIn(bytes: Buffer): FileContent {
  // One character a byte: nothing outside of PEM's own lines is looked at, whatever its encoding.
  const text = bytes.toString('latin1')
  const certificates: X509Certificate[] = []
  let [keys, unreadable] = [0, 0]
  for (const { label, base64 } of blocksOf(text)) {
    if (label.includes('PRIVATE KEY')) keys += 1
    if (label !== 'CERTIFICATE' && label !== 'X509 CERTIFICATE') continue
    const certificate = base64 === null ? null : parse(Buffer.from(base64, 'base64'))
    if (certificate === null) unreadable += 1
    else certificates.push(certificate)
  }
  if (keys === 0 && bytes[0] === 0x30 && !text.includes(BEGIN)) {
    const certificate = parse(bytes)
    if (certificate !== null) certificates.push(certificate)
  }
  const chains = chainsOf(certificates)
  const used = new Set(chains.flatMap(({ leaf, issuers }) => [leaf, ...issuers]))
  const rest = certificates.filter((one) => !used.has(one) && !isLeaf(one))
  return { chains, authorities: rest.map(({ fingerprint256 }) => fingerprint256), keys, unreadable }
}

const BEGIN = '-----BEGIN '
const END = '-----END '
const DASHES = '-----'

/** Every block that begins. `base64` is null where it does not end before the next dashes, or is a key's. */
function* blocksOf(text: string): Generator<{ label: string; base64: string | null }> {
  let at = text.indexOf(BEGIN)
  while (at !== -1) {
    const begin = at + BEGIN.length
    const labelEnd = text.indexOf(DASHES, begin)
    if (labelEnd === -1) return
    const label = text.slice(begin, Math.min(labelEnd, begin + 64))
    const body = labelEnd + DASHES.length
    const end = text.indexOf(DASHES, body)
    const whole = end !== -1 && text.startsWith(`${END}${label}${DASHES}`, end)
    yield { label, base64: whole && label.endsWith('CERTIFICATE') ? text.slice(body, end) : null }
    at = text.indexOf(BEGIN, body)
  }
}

/** OpenSSL's messages are left out: they may describe what was read. */
function parse(der: Buffer): X509Certificate | null {
  try {
    return new X509Certificate(der)
  } catch {
    return null
  }
}

function chainsOf(certificates: readonly X509Certificate[]): Chain[] {
  const distinct = [...new Map(certificates.map((one) => [one.fingerprint256, one])).values()]
  const bySubject = Map.groupBy(
    distinct.filter((one) => one.ca && !isLeaf(one)),
    ({ subject }) => subject,
  )
  return distinct.filter(isLeaf).map((leaf) => ({ leaf, issuers: issuersOf(leaf, bySubject) }))
}

function issuersOf(
  leaf: X509Certificate,
  bySubject: ReadonlyMap<string, readonly X509Certificate[]>,
): readonly X509Certificate[] {
  const chain = [leaf]
  for (;;) {
    const last = chain.at(-1)!
    const next = (bySubject.get(last.issuer) ?? []).find(
      (one) => !chain.includes(one) && last.checkIssued(one),
    )
    if (next === undefined || chain.length === MAX_CHAIN_CERTIFICATES) break
    chain.push(next)
    if (pemOf(chain).length > MAX_CHAIN_BYTES) {
      chain.pop()
      break
    }
  }
  return chain.slice(1)
}

/** Written anew from the DER: nothing else of the file is in it. */
export function pemOf(chain: readonly X509Certificate[]): string {
  return chain.map((one) => one.toString()).join('')
}
