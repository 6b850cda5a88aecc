import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'

/** A file's bytes, or why there are none: for a person, with nothing of the file. */
export type FileReading = { readonly bytes: Buffer } | { readonly refused: string }

/** Reads a regular file of at most `most` bytes. Never rejects, never blocks on a pipe, follows no link at its end. */
export async function readRegularFile(file: string, most: number): Promise<FileReading> {
  let handle: FileHandle | null = null
  try {
    // A pipe or device that took the file's place must neither block nor be followed.
    handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    const found = await handle.stat()
    if (!found.isFile()) return { refused: 'not a regular file' }
    if (found.size > most) return { refused: `larger than ${most >> 20} MiB` }
    const buffer = Buffer.alloc(Math.min(found.size + 1, most))
    let length = 0
    for (;;) {
      const { bytesRead } = await handle.read(buffer, length, buffer.length - length)
      if (bytesRead === 0) break
      length += bytesRead
    }
    return { bytes: buffer.subarray(0, length) }
  } catch (error) {
    return { refused: reasonOf(error) }
  } finally {
    await handle?.close()
  }
}

/** Why the file system refused, without anything of the file. */
export function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (code === 'EACCES' || code === 'EPERM')
    return 'no permission to read it; run this as its owner or as root'
  if (code === 'ENOENT') return 'no such file or folder'
  if (code === 'ELOOP') return 'a link that leads nowhere'
  return `cannot be read${code ? ` (${code})` : ''}`
}
