import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Sealing } from '../../engine/sealing.ts'
import { replaceDurably } from '../../interception/durable-files.ts'
import { LOCAL_CA_FOLDER } from './issuer-files.ts'
import { relockSealed } from './key-lock.ts'
import { lockId } from './read-issuer.ts'

/**
 * Seals the keys of all local CAs under another secret; those with a passphrase stay as they are. All are opened before the
 * first is written. How many were sealed anew. Repeated after a kill, it leaves alone what `after` opens already.
 */
export async function rewrapLocalCas(data: string, before: Sealing, after: Sealing): Promise<number> {
  const folder = join(data, LOCAL_CA_FOLDER)
  const changed: { readonly file: string; readonly text: string }[] = []
  for (const name of await namesIn(folder)) {
    for (const file of await namesIn(join(folder, name))) {
      const generation = /^([1-9]\d{0,5})\.(?:pem|key)$/.exec(file)?.[1]
      if (generation === undefined) continue
      const path = join(folder, name, file)
      const [text, id] = [await readFile(path, 'utf8'), lockId(name, Number(generation))]
      if (opens(text, after, id)) continue
      const sealed = relockSealed(text, before, after, id)
      if (sealed !== null) changed.push({ file: path, text: sealed })
    }
  }
  for (const { file, text } of changed) await replaceDurably(file, text, 0o600)
  return changed.length
}

function opens(text: string, sealing: Sealing, id: string): boolean {
  try {
    return relockSealed(text, sealing, sealing, id) !== null
  } catch {
    return false
  }
}

async function namesIn(folder: string): Promise<string[]> {
  return await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return []
    throw error
  })
}
