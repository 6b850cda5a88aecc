import { hash } from 'node:crypto'
import type { PolicyBundle } from './bundle.ts'

const HEAD = 'acmetap policy 1\n'

/**
 * A policy as the record keeps it: the very bytes that its digest is over, so that the record, which finds bodies by
 * their SHA-256, finds a policy by its digest and shows by it that nothing was changed.
 */
export function bundleBytes({ text, files }: PolicyBundle): Buffer {
  const parts = [
    text,
    ...Object.keys(files)
      .sort()
      .flatMap((name) => [name, files[name]!]),
  ]
  return Buffer.concat([
    Buffer.from(HEAD),
    ...parts.flatMap((part) => {
      const bytes = Buffer.from(part)
      return [Buffer.from(`${bytes.length}\n`), bytes]
    }),
  ])
}

/** The other way round; `file` is for messages alone. Null for bytes that are no policy. */
export function bundleOfBytes(bytes: Buffer, file: string): PolicyBundle | null {
  if (!bytes.subarray(0, HEAD.length).equals(Buffer.from(HEAD))) return null
  const parts: string[] = []
  for (let at = HEAD.length; at < bytes.length; ) {
    const end = bytes.indexOf(0x0a, at)
    const length = end < 0 ? '' : bytes.toString('latin1', at, end)
    if (!/^\d{1,10}$/.test(length) || end + 1 + Number(length) > bytes.length) return null
    at = end + 1 + Number(length)
    parts.push(bytes.toString('utf8', end + 1, at))
  }
  const [text, ...rest] = parts
  if (text === undefined || rest.length % 2 !== 0) return null
  const files: Record<string, string> = {}
  for (let at = 0; at < rest.length; at += 2) files[rest[at]!] = rest[at + 1]!
  return { file, text, files }
}

/** Where bodies of the record are found; a RecordReader is one. */
export interface BodyReader {
  /** A body of this exchange, or one that many share, by its digest (hex). */
  body(exchange: string, digest: string): Promise<Buffer | null>
}

/** The policy that decided this exchange, by its digest; null where the record does not keep it (any more). */
export async function policyOfDigest(
  reader: BodyReader,
  exchange: string,
  digest: string,
): Promise<PolicyBundle | null> {
  const bytes = await reader.body(exchange, digest)
  if (bytes === null || hash('sha256', bytes) !== digest) return null
  return bundleOfBytes(bytes, `policy ${digest.slice(0, 12)} of the record`)
}
