/**
 * Files of a certificate as certbot lays them out, for programs that are set up for that:
 *
 *     live/NAME/{cert,chain,fullchain,privkey}.pem → .current/…
 *     live/NAME/.current → ../../archive/NAME/.7          the only thing that changes
 *     archive/NAME/.7/{cert,chain,fullchain,privkey}.pem → ../cert7.pem …
 *     archive/NAME/{cert,chain,fullchain,privkey}7.pem
 *
 * certbot swaps four symlinks one after the other, so that for a moment a key and a certificate that do not fit lie side
 * by side, and for good after a crash in between. Here all four change by one rename. A program that opens two files one
 * after the other can still meet that rename in between; one that resolves `.current` once cannot, and the deploy hook
 * makes the others read anew.
 */

import { mkdir, open, readdir, readFile, readlink, rename, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { syncFolder } from '../../interception/durable-files.ts'

export interface CertificateFiles {
  /** PEM. */
  readonly leaf: string
  /** PEM, one after the other; empty where the CA gives none. */
  readonly chain: string
  /** PEM; null where somebody else holds it. */
  readonly key: string | null
}

/** Versions that are kept; certbot keeps all. */
const KEPT = 5
const CURRENT = '.current'
const NAMES = ['cert', 'chain', 'fullchain', 'privkey'] as const

/** Where programs are led to. */
export function liveFolder(root: string, name: string): string {
  return join(root, 'live', name)
}

/**
 * Puts the files there and makes them the current ones; nothing is changed where they are it already. What an interrupted
 * call left is written anew. True where something changed. Rejects with the file system's error, or with an Error that
 * says that the folder is another program's.
 */
export async function putLive(root: string, name: string, files: CertificateFiles): Promise<boolean> {
  const live = liveFolder(root, name)
  const archive = join(root, 'archive', name)
  await mkdir(root, { recursive: true, mode: 0o755 })
  for (const folder of ['live', 'archive']) await mkdir(join(root, folder), { recursive: true, mode: 0o700 })
  for (const folder of [live, archive]) await mkdir(folder, { recursive: true, mode: 0o755 })
  for (const folder of [root, join(root, 'live'), join(root, 'archive')]) await syncFolder(folder)
  await refuseForeign(live)

  const current = await currentVersion(live)
  if (current !== null && (await holds(archive, current, files))) {
    await link(live, files)
    return false
  }
  const version = (current ?? (await newestVersion(archive))) + 1
  await writeVersion(archive, version, files)
  await point(join(live, CURRENT), join('..', '..', 'archive', name, `.${version}`))
  await link(live, files)
  await prune(archive, version)
  return true
}

/** What lies there was made by certbot or by hand: it is not ours to change. */
async function refuseForeign(live: string): Promise<void> {
  for (const name of NAMES) {
    const target = await readlink(join(live, `${name}.pem`)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null
      if (error.code === 'EINVAL') return ''
      throw error
    })
    if (target !== null && target !== join(CURRENT, `${name}.pem`)) {
      throw new Error(
        `${join(live, `${name}.pem`)} is there already and is not acmetap's: choose another folder (files) or name, or move ${live} away`,
      )
    }
  }
}

async function currentVersion(live: string): Promise<number | null> {
  const target = await readlink(join(live, CURRENT)).catch(() => '')
  const version = /\/\.(\d{1,9})$/.exec(target)?.[1]
  return version === undefined ? null : Number(version)
}

async function newestVersion(archive: string): Promise<number> {
  return Math.max(0, ...(await readdir(archive)).map(versionOf))
}

/** 0 for what is no version. */
function versionOf(entry: string): number {
  return Number(/^(?:\.|(?:cert|chain|fullchain|privkey))(\d{1,9})(?:\.pem)?$/.exec(entry)?.[1] ?? 0)
}

function contents({ leaf, chain, key }: CertificateFiles): Record<(typeof NAMES)[number], string | null> {
  return { cert: leaf, chain, fullchain: leaf + chain, privkey: key }
}

async function holds(archive: string, version: number, files: CertificateFiles): Promise<boolean> {
  for (const [name, content] of Object.entries(contents(files))) {
    const there = await readFile(join(archive, `.${version}`, `${name}.pem`), 'utf8').catch(() => null)
    if (there !== content) return false
  }
  return true
}

/** Nobody is led there yet, so what an interrupted call left can be replaced. */
async function writeVersion(archive: string, version: number, files: CertificateFiles): Promise<void> {
  const folder = join(archive, `.${version}`)
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { mode: 0o755 })
  for (const [name, content] of Object.entries(contents(files))) {
    const file = join(archive, `${name}${version}.pem`)
    await rm(file, { force: true })
    if (content === null) continue
    const handle = await open(file, 'wx', name === 'privkey' ? 0o600 : 0o644)
    try {
      await handle.writeFile(content)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await symlink(join('..', `${name}${version}.pem`), join(folder, `${name}.pem`))
  }
  await syncFolder(folder)
  await syncFolder(archive)
}

/** Makes a symlink, or leads the one that is there elsewhere, in one step. */
async function point(path: string, target: string): Promise<void> {
  const fresh = `${path}.new`
  await rm(fresh, { force: true })
  await symlink(target, fresh)
  await rename(fresh, path)
  await syncFolder(join(path, '..'))
}

/** The names in `live` never change but for a key that is no longer, or again, in our hands. */
async function link(live: string, files: CertificateFiles): Promise<void> {
  for (const [name, content] of Object.entries(contents(files))) {
    const path = join(live, `${name}.pem`)
    const there = await readlink(path).catch(() => null)
    if (content === null) await rm(path, { force: true })
    else if (there === null) await point(path, join(CURRENT, `${name}.pem`))
  }
}

async function prune(archive: string, current: number): Promise<void> {
  for (const entry of await readdir(archive)) {
    const version = versionOf(entry)
    if (version > 0 && version <= current - KEPT)
      await rm(join(archive, entry), { recursive: true, force: true })
  }
}
