import type { Dirent } from 'node:fs'
import { opendir, realpath, stat } from 'node:fs/promises'
import path from 'node:path'
import { AccountFolder } from './account-folder.ts'
import { reasonOf } from './read-regular-file.ts'

export interface SearchBounds {
  /** Levels of folders below the one given. */
  readonly depth: number
  /** Files and folders looked at, per given path. */
  readonly entries: number
}

export const SEARCH_BOUNDS: SearchBounds = { depth: 16, entries: 100_000 }

/** Files that the account formats read; links of other names out of the tree are nobody's concern. */
const OF_INTEREST = /\.(json|key|pem|conf)$/

/**
 * Every folder at and below `root` (a real path), folders before what is in them. Links are followed to files
 * inside the tree only; a link to a folder is not followed: inside the tree the folder itself is visited.
 */
export async function* searchFolders(
  root: string,
  bounds: SearchBounds,
  report: (problem: string) => void,
  ofInterest: RegExp = OF_INTEREST,
): AsyncGenerator<AccountFolder> {
  const waiting = [{ folder: root, depth: 0 }]
  let left = bounds.entries
  let tooDeep = false
  for (let next = waiting.shift(); next; next = waiting.shift()) {
    const files = new Map<string, string>()
    try {
      for await (const entry of await opendir(next.folder)) {
        if (left-- <= 0) {
          report(`${root}: stopped after ${bounds.entries} files and folders; name a folder further down`)
          return
        }
        const full = path.join(next.folder, entry.name)
        if (entry.isDirectory()) {
          if (next.depth < bounds.depth) waiting.push({ folder: full, depth: next.depth + 1 })
          else tooDeep = true
          continue
        }
        const file = entry.isSymbolicLink()
          ? await linkedFile(root, full, entry, report, ofInterest)
          : entry.isFile()
            ? full
            : null
        if (file !== null) files.set(entry.name, file)
      }
    } catch (error) {
      report(`${next.folder}: skipped: ${reasonOf(error)}`)
    }
    yield new AccountFolder(next.folder, files, report)
  }
  if (tooDeep) report(`${root}: folders more than ${bounds.depth} levels down were not searched`)
}

async function linkedFile(
  root: string,
  link: string,
  entry: Dirent,
  report: (problem: string) => void,
  ofInterest: RegExp,
): Promise<string | null> {
  try {
    const target = await realpath(link)
    if (target === root || target.startsWith(root === path.sep ? root : root + path.sep)) {
      return (await stat(target)).isFile() ? target : null
    }
    if (ofInterest.test(entry.name) || (await stat(target)).isDirectory()) {
      report(`${link}: skipped: a link that leads out of ${root}; name its target to have it read`)
    }
  } catch (error) {
    if (ofInterest.test(entry.name)) report(`${link}: skipped: ${reasonOf(error)}`)
  }
  return null
}
