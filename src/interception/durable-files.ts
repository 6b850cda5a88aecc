/**
 * Files that hold keys and certificates: complete on disk before they get their names, so that a crash leaves either
 * the old state or one that the next start can finish.
 */
import { chmod, link, open, rename, stat, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'

/** What a crash left under the name was never used, so it is written anew. */
export async function writeDurably(file: string, text: string | Buffer, mode: number): Promise<void> {
  await removeFile(file)
  const handle = await open(file, 'wx', mode)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await chmod(file, mode)
}

/** The file holds `text` whole or what it held before. */
export async function replaceDurably(file: string, text: string | Buffer, mode: number): Promise<void> {
  await writeDurably(`${file}.new`, text, mode)
  await renameDurably(`${file}.new`, file)
}

/** False, and nothing changed, where the file is there already. */
export async function createDurably(file: string, text: string, mode: number): Promise<boolean> {
  await writeDurably(`${file}.new`, text, mode)
  const created = await link(`${file}.new`, file).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') return false
      throw error
    },
  )
  await removeFile(`${file}.new`)
  return created
}

export async function renameDurably(from: string, to: string): Promise<void> {
  await rename(from, to)
  await syncFolder(dirname(to))
}

/** Nothing where it is gone already. */
export async function removeFile(file: string): Promise<void> {
  const gone = await unlink(file).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false
      throw error
    },
  )
  if (gone) await syncFolder(dirname(file))
}

export async function exists(file: string): Promise<boolean> {
  return await stat(file).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false
      throw error
    },
  )
}

/** What to say of a key file that others than its owner may read or change; null where it is as it should be. */
export async function exposure(file: string): Promise<string | null> {
  const mode = (await stat(file)).mode & 0o777
  if ((mode & 0o077) === 0) return null
  return (
    `${file} has mode ${mode.toString(8).padStart(4, '0')}: others than its owner may read or change it. ` +
    `If nobody did, run: chmod 600 ${file}`
  )
}

/** What was made, renamed or removed in it is durable then. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
