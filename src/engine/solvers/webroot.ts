/** http-01 (RFC 8555 §8.3) by files that a web server serves. */
import { randomBytes } from 'node:crypto'
import { constants, lstat, mkdir, open, readdir, readFile, rename, rmdir, unlink } from 'node:fs/promises'
import path from 'node:path'
import type { SolverConfig } from '../../config/engine-solvers.ts'
import type { Attempt, Solver } from '../solver.ts'
import { solverError, systemFault, throwIfAborted } from './solver-error.ts'
import { tokenOf } from './token.ts'

export type WebrootSettings = NonNullable<SolverConfig['webroot']>

/** How folders are made and removed; a test lets somebody else act in between. */
export interface Folders {
  mkdir(folder: string): Promise<unknown>
  rmdir(folder: string): Promise<void>
}

/** Below the web root. */
const FOLDERS = ['.well-known', 'acme-challenge'] as const

/**
 * Files appear whole and readable for the web server, whatever the umask. Folders that are missing are made, and removed
 * again once they are empty. Nothing is followed out of the web root: no symbolic link below it, no token that is none.
 */
export function createWebroot(
  name: string,
  { folder }: WebrootSettings,
  folders: Folders = { mkdir, rmdir },
): Solver {
  const place = path.join(folder, ...FOLDERS)
  const cannot = (attempt: Attempt, what: string, error: unknown) =>
    solverError(
      name,
      attempt.identifier.value,
      `cannot ${what}: ${systemFault(error)}. Check its folder, and that this user may write there`,
    )
  return {
    name,
    types: ['http-01'],
    async present(attempt, { signal, progress }) {
      throwIfAborted(signal, name, attempt.identifier.value)
      const token = tokenOf(attempt, name)
      try {
        await writeSomehow(folders, folder, token, attempt.keyAuthorization)
      } catch (error) {
        throw cannot(attempt, `write ${path.join(place, token)}`, error)
      }
      progress(`written to ${path.join(place, token)}`)
    },
    async cleanUp(attempt) {
      const token = tokenOf(attempt, name)
      try {
        await removeOwn(place, token, attempt.keyAuthorization)
        await removeMade(folders, folder)
      } catch (error) {
        throw cannot(attempt, `remove ${path.join(place, token)}`, error)
      }
    },
  }
}

/** Says that the folder it lies in was made by us: only such a one is removed again. */
const MADE = '.made-by-acmetap'

/** Whoever ends another challenge may take the folder away in between. */
async function writeSomehow(folders: Folders, root: string, token: string, content: string): Promise<void> {
  for (let left = 5; ; left--) {
    try {
      await makeFolders(folders, root)
      await writeWhole(path.join(root, ...FOLDERS), token, content)
      return
    } catch (error) {
      if (!isCode(error, 'ENOENT') || left === 0) throw error
      // Not the web root itself: that is somebody else's to make.
      if (!(await isFolder(root))) throw new Error(`ENOENT: there is no folder ${root}`)
    }
  }
}

async function makeFolders(folders: Folders, root: string): Promise<void> {
  let folder = root
  for (const one of FOLDERS) {
    folder = path.join(folder, one)
    if (await isFolder(folder)) continue
    try {
      await folders.mkdir(folder)
    } catch (error) {
      if (!isCode(error, 'EEXIST')) throw error
      continue
    }
    await setMode(folder, 0o755)
    await writeMark(folder)
  }
}

/** What is there under its name already stays as it is: it may be a link that somebody else put there. */
async function writeMark(folder: string): Promise<void> {
  try {
    await (await open(path.join(folder, MADE), 'wx', 0o644)).close()
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error
  }
}

/** False where nothing is. Rejects where something else is: a link could lead anywhere. */
async function isFolder(folder: string): Promise<boolean> {
  const found = await lstat(folder).catch((error: unknown) => {
    if (isCode(error, 'ENOENT')) return null
    throw error
  })
  if (found === null) return false
  if (!found.isDirectory()) throw new Error(`${folder} is no folder (links are not followed)`)
  return true
}

async function setMode(folder: string, mode: number): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW)
  try {
    await handle.chmod(mode)
  } finally {
    await handle.close()
  }
}

/** How the names begin under which a token is written before it appears. */
function besideOf(token: string): string {
  return `.${token.slice(0, 100)}.`
}

async function writeWhole(place: string, token: string, content: string): Promise<void> {
  const beside = path.join(place, `${besideOf(token)}${randomBytes(6).toString('hex')}`)
  const handle = await open(beside, 'wx', 0o644)
  try {
    await handle.chmod(0o644)
    await handle.writeFile(content)
  } catch (error) {
    await unlink(beside).catch(() => undefined)
    throw error
  } finally {
    await handle.close()
  }
  await rename(beside, path.join(place, token))
}

/** A file with this token and something else in it is not ours. */
async function removeOwn(place: string, token: string, content: string): Promise<void> {
  try {
    if (!(await isFolder(path.dirname(place))) || !(await isFolder(place))) return
    // What a process that was killed while it wrote has left.
    const unfinished = (await readdir(place)).filter((entry) => entry.startsWith(besideOf(token)))
    for (const entry of unfinished) await unlink(path.join(place, entry))
    const file = path.join(place, token)
    if (!(await lstat(file)).isFile()) return
    if ((await readFile(file, 'utf8')) === content) await unlink(file)
  } catch (error) {
    if (!isCode(error, 'ENOENT')) throw error
  }
}

/** Another challenge may be written meanwhile: a folder that is not empty stays, one that went is made again. */
async function removeMade(folders: Folders, root: string): Promise<void> {
  for (let depth = FOLDERS.length; depth > 0; depth--) {
    const folder = path.join(root, ...FOLDERS.slice(0, depth))
    const mark = path.join(folder, MADE)
    try {
      const entries = await readdir(folder)
      if (entries.length !== 1 || entries[0] !== MADE) return
      await unlink(mark)
      await folders.rmdir(folder)
    } catch (error) {
      if (isCode(error, 'ENOENT')) continue
      if (!isCode(error, 'ENOTEMPTY') && !isCode(error, 'EEXIST')) throw error
      await writeMark(folder)
      return
    }
  }
}

function isCode(error: unknown, code: string): boolean {
  return (error as NodeJS.ErrnoException).code === code
}
