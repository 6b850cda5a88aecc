import { X509Certificate } from 'node:crypto'
import { readdir, readFile, stat } from 'node:fs/promises'
import path from 'node:path'

export function certificatesIn(text: string): X509Certificate[] {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? []
  return blocks.map((block) => new X509Certificate(block))
}

/** SHA-256 of the DER in lower-case hex. */
export function fingerprintOf(certificate: X509Certificate): string {
  return certificate.fingerprint256.replaceAll(':', '').toLowerCase()
}

export function serialOf(certificate: X509Certificate): string {
  return plainSerial(certificate.serialNumber)
}

export function plainSerial(hex: string): string {
  return hex.toLowerCase().replace(/^0+(?=.)/, '')
}

/** Sorted `type:value`. */
export function namesOf({ subjectAltName = '' }: X509Certificate): string[] {
  return [...subjectAltName.matchAll(/(DNS|IP Address):([^,]+)/g)]
    .map(([, kind, value = '']) => `${kind === 'DNS' ? 'dns' : 'ip'}:${value.toLowerCase()}`)
    .toSorted()
}

const LARGEST = 1_000_000

/** Every certificate of the CA under test in any file below a folder: by fingerprint, with the files that have it. */
export async function certificatesBelow(folder: string): Promise<ReadonlyMap<string, readonly string[]>> {
  const found = new Map<string, string[]>()
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const file = path.join(entry.parentPath, entry.name)
    if ((await stat(file)).size > LARGEST) continue
    for (const certificate of readable(await readFile(file, 'utf8'))) {
      if (certificate.ca || !certificate.issuer.includes('Pebble Intermediate CA')) continue
      const fingerprint = fingerprintOf(certificate)
      found.set(fingerprint, [...(found.get(fingerprint) ?? []), path.relative(folder, file)])
    }
  }
  return found
}

/** A client may be about to write the file. */
function readable(text: string): X509Certificate[] {
  try {
    return certificatesIn(text)
  } catch {
    return []
  }
}
