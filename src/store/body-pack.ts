import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'

/** How a stored body is coded. Kept per row, so that the choice can change. */
export const CODEC_PLAIN = 0
export const CODEC_ZSTD = 1

export interface CodedBytes {
  readonly codec: number
  /** Bytes before coding. */
  readonly size: number
  readonly data: Buffer
}

/**
 * Below this, a call of the compressor costs more (some 25 µs of CPU) than the few hundred bytes it saves:
 * what ACME bodies are made of, base64url of random bytes, shrinks by a sixth.
 */
const COMPRESS_FROM = 1024
const LEVEL = { [constants.ZSTD_c_compressionLevel]: 1 }

export function encodeBytes(bytes: Buffer): CodedBytes {
  const size = bytes.length
  if (size >= COMPRESS_FROM) {
    const data = zstdCompressSync(bytes, { params: LEVEL, pledgedSrcSize: size, chunkSize: size + 64 })
    if (data.length < size) return { codec: CODEC_ZSTD, size, data }
  }
  return { codec: CODEC_PLAIN, size, data: bytes }
}

/** Throws when the bytes are not what the row says. */
export function decodeBytes({ codec, size, data }: CodedBytes): Buffer {
  const bytes = codec === CODEC_ZSTD ? zstdDecompressSync(data, { maxOutputLength: Math.max(size, 1) }) : data
  if (bytes.length !== size) throw new RangeError(`a stored body has ${bytes.length} bytes, not ${size}`)
  return bytes
}

export interface PackedBody {
  readonly digest: Buffer
  readonly bytes: Buffer
}

/** The bodies of one fact in one buffer: for each, 32 bytes of digest, 4 bytes of length, the bytes. */
export function packBodies(bodies: readonly PackedBody[]): Buffer {
  let size = 0
  for (const { bytes } of bodies) size += 36 + bytes.length
  const pack = Buffer.allocUnsafeSlow(size)
  let at = 0
  for (const { digest, bytes } of bodies) {
    pack.set(digest, at)
    pack.writeUInt32BE(bytes.length, at + 32)
    pack.set(bytes, at + 36)
    at += 36 + bytes.length
  }
  return pack
}

/** The bodies of a pack; throws RangeError when it is cut short. */
export function unpackBodies(pack: Buffer): PackedBody[] {
  const bodies: PackedBody[] = []
  let at = 0
  while (at < pack.length) {
    const length = pack.readUInt32BE(at + 32)
    const end = at + 36 + length
    if (end > pack.length) throw new RangeError('a stored body is cut short')
    bodies.push({ digest: pack.subarray(at, at + 32), bytes: pack.subarray(at + 36, end) })
    at = end
  }
  return bodies
}
