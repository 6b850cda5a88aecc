import { type BigIntStats, constants } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { ConfigError } from '../../config/config-error.ts'
import { MOST_BYTES } from '../../config/load.ts'
import type { PolicyBundle } from '../bundle.ts'
import { policyText } from './policy-text.ts'

/** Bytes of one list file, and of all of them. */
const MOST_LIST_BYTES = 16 << 20
const MOST_BYTES_OF_LISTS = 64 << 20

const OF_LISTS = 'Paths are relative to the policy file'

/**
 * Reads a policy file and the files its lists name. Throws {@link ConfigError} where one can't be read; what is wrong
 * with what they say is found by parsePolicy.
 */
export async function readBundle(file: string): Promise<PolicyBundle> {
  const absolute = resolve(file)
  const policy = await readText(absolute, MOST_BYTES)
  if ('fault' in policy)
    throw new ConfigError([wholeFile(file, policy.fault, policy.instead ?? 'Name a policy file')])
  const files: Record<string, string> = Object.create(null)
  const bundle: PolicyBundle = { file: absolute, text: policy.text, files }
  const { listFiles, locate } = policyText(bundle)
  let left = MOST_BYTES_OF_LISTS
  const problems = []
  for (const { path, name } of listFiles) {
    if (Object.hasOwn(files, name)) continue
    const list = await readText(resolve(dirname(absolute), name), Math.min(MOST_LIST_BYTES, left))
    if ('fault' in list) {
      const { fault: message, instead = OF_LISTS } = list
      problems.push({ file: absolute, ...locate(path), message, instead })
      continue
    }
    files[name] = list.text
    left -= list.bytes
  }
  if (problems.length > 0) throw new ConfigError(problems)
  await mustBeAsRead(absolute, policy.stamp)
  return bundle
}

/** A policy that was replaced while its lists were read may belong to others. */
async function mustBeAsRead(file: string, stamp: string): Promise<void> {
  const now = await stat(file, { bigint: true }).then(stampOf, () => '')
  if (now !== stamp) throw new ConfigError([wholeFile(file, CHANGED.fault, CHANGED.instead)])
}

/** What tells a file that was written or replaced from what it was. */
function stampOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join()
}

const CHANGED = {
  fault: 'was written while it was read',
  instead: 'Write a file beside it and rename that, then try again',
}

function wholeFile(file: string, message: string, instead: string) {
  return { file, line: 1, column: 1, path: '', message, instead }
}

interface ReadText {
  readonly text: string
  readonly bytes: number
  readonly stamp: string
}

/** What is wrong with a file, in the words the configuration uses. */
interface Unread {
  readonly fault: string
  readonly instead?: string
}

async function readText(file: string, most: number): Promise<ReadText | Unread> {
  try {
    // A named pipe would hold the call until somebody writes.
    const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      const facts = await handle.stat({ bigint: true })
      if (facts.isDirectory()) return { fault: 'is a folder, not a file' }
      if (!facts.isFile()) return { fault: 'is no regular file' }
      if (facts.size > most) return { fault: `is larger than ${most >> 20} MiB` }
      const bytes = await handle.readFile()
      if (bytes.length > most) return { fault: `is larger than ${most >> 20} MiB` }
      const stamp = stampOf(facts)
      if (stampOf(await handle.stat({ bigint: true })) !== stamp) return CHANGED
      return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes), bytes: bytes.length, stamp }
    } finally {
      await handle.close()
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return { fault: 'does not exist' }
    if (error instanceof TypeError) return { fault: 'is not valid UTF-8' }
    if (code === 'EACCES') return { fault: 'cannot be read by this user' }
    return { fault: `cannot be read (${code ?? 'unknown'})` }
  }
}
