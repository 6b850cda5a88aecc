import { createHash, X509Certificate } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { readLeaf } from '../acme/certificate.ts'
import type { Actor, ImportedCertificate } from './event.ts'
import type { InventoryReader } from './inventory/inventory-reader.ts'
import type { EventRecorder } from './keeping.ts'
import type { BlobDraft } from './record.ts'

/** As the interface and the command line give them. */
export interface GivenCertificates {
  /** The machine they were found on. */
  readonly host: string
  readonly unmanaged: boolean
  readonly certificates: readonly GivenCertificate[]
}

interface GivenCertificate {
  /** PEM, leaf first, then what came with it. */
  readonly pem: string
  readonly path: string
  readonly ca: string | null
  readonly format: string
}

export interface ImportedReport {
  readonly added: number
  readonly known: number
  /** One line each, beginning with the path: what was left out, and why. */
  readonly problems: readonly string[]
}

export interface ImportPorts {
  readonly events: EventRecorder
  readonly reader: Pick<InventoryReader, 'certificate'>
}

export const MAX_CHAIN_BYTES = 256 * 1024
export const MAX_CHAIN_CERTIFICATES = 10

/**
 * Puts certificates into the record as one event, each chain a body of its own. A chain that is not exactly one leaf
 * and what certifies it is left out and told; the others are taken in. Rejects with StoreUnavailable; then nothing of
 * the batch is in the record.
 */
export async function importCertificates(
  given: GivenCertificates,
  { events, reader }: ImportPorts,
  actor: Actor,
): Promise<ImportedReport> {
  if (!isHostName(given.host)) {
    return {
      added: 0,
      known: 0,
      problems: ['host: must be a name of 1 to 253 characters without controls; nothing was imported'],
    }
  }
  const problems: string[] = []
  const taken = new Map<string, Taken>()
  for (const one of given.certificates) {
    // Thousands are read in a second or so, which clients' exchanges do not wait for.
    await setImmediate()
    const read = readChain(one)
    if (typeof read === 'string') problems.push(`${one.path.slice(0, MAX_PATH)}: ${read}`)
    else if (!taken.has(read.fingerprint)) taken.set(read.fingerprint, read)
  }
  let known = 0
  for (const fingerprint of taken.keys()) if ((await reader.certificate(fingerprint)) !== null) known += 1
  if (taken.size > 0) {
    const { host, unmanaged } = given
    const certificates = [...taken.values()].map((one) => one.imported)
    const blobs = [...taken.values()].map((one) => one.blob)
    await events.record(actor, { event: 'imported', host, unmanaged, certificates }, { blobs })
  }
  return { added: taken.size - known, known, problems }
}

const MAX_PATH = 4096

interface Taken {
  readonly fingerprint: string
  readonly imported: ImportedCertificate
  readonly blob: BlobDraft
}

/** What goes into the record; or why it does not, without a byte of what was given. */
function readChain({ pem, path, ca, format }: GivenCertificate): Taken | string {
  if (path.length > MAX_PATH) return `its path is longer than ${MAX_PATH} characters`
  if (pem.includes('PRIVATE KEY')) return 'holds a private key; send certificates only'
  if (Buffer.byteLength(pem) > MAX_CHAIN_BYTES) return `larger than ${MAX_CHAIN_BYTES >> 10} KiB`
  const blocks = blocksOf(pem)
  if (blocks === null) return 'holds something beside certificates in PEM'
  if (blocks.length === 0) return 'holds no certificate in PEM'
  if (blocks.length > MAX_CHAIN_CERTIFICATES) return `holds more than ${MAX_CHAIN_CERTIFICATES} certificates`
  const chain: X509Certificate[] = []
  for (const [index, block] of blocks.entries()) {
    const certificate = parse(block)
    if (certificate === null) return `its certificate ${index + 1} cannot be read`
    chain.push(certificate)
  }
  const [leaf, ...rest] = chain as [X509Certificate, ...X509Certificate[]]
  if (!isLeaf(leaf)) return "begins with a CA's certificate; the leaf must come first"
  if (rest.some(isLeaf)) return 'holds more than one leaf certificate; send each by itself'
  const fingerprint = readLeaf(leaf.raw)?.fingerprint
  if (fingerprint === undefined) return 'its leaf certificate cannot be read'
  // Written anew, so that the same chain is the same body however it was laid out.
  const bytes = Buffer.from(chain.map((one) => one.toString()).join(''))
  const digest = createHash('sha256').update(bytes).digest()
  const imported = { fingerprint, chain: digest.toString('hex'), path, ca, format }
  return { fingerprint, imported, blob: { digest, bytes, repeats: true } }
}

/** `openssl req -x509` marks the self-signed certificates of servers as a CA's; but no CA's names a host. */
export function isLeaf({ ca, subjectAltName }: X509Certificate): boolean {
  return !ca || /(?:^|, )(?:DNS|IP Address):/.test(subjectAltName ?? '')
}

const BLOCK = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]*)-----END CERTIFICATE-----/g

/** The Base64 of each block; null where there is other text than blocks and white space. */
function blocksOf(pem: string): string[] | null {
  const blocks = [...pem.matchAll(BLOCK)].map(([, base64]) => base64!)
  return pem.replace(BLOCK, '').trim() === '' ? blocks : null
}

function parse(base64: string): X509Certificate | null {
  const der = Buffer.from(base64, 'base64')
  try {
    const certificate = new X509Certificate(der)
    // Bytes behind the certificate are none of it.
    return certificate.raw.equals(der) ? certificate : null
  } catch {
    return null
  }
}

export function isHostName(host: string): boolean {
  return host.length > 0 && host.length <= 253 && !/\p{C}/u.test(host)
}
