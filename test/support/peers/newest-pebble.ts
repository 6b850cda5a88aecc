/** A Pebble of Debian's unstable suite, which has renewalInfo and profiles; its program runs on the stable one unchanged. */
import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'

const FOLDER = path.resolve(import.meta.dirname, '..', '..', '..', '.cache', 'peers', 'pebble-sid')
const PROGRAM = path.join(FOLDER, 'usr', 'bin', 'pebble')

/** Where ACMETAP_NEW_PEBBLE says, or where it was unpacked before; null where it is neither. */
export function newestPebble(): string | null {
  const named = process.env.ACMETAP_NEW_PEBBLE
  return [named, PROGRAM].find((file) => file !== undefined && canRun(file)) ?? null
}

function canRun(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Fetched through apt from where this machine has its packages, without touching what is installed. Null where that fails. */
export async function fetchNewestPebble(): Promise<string | null> {
  const there = newestPebble()
  if (there !== null || process.getuid?.() !== 0) return there
  const places = spawnSync('apt-get', ['indextargets', '--format', '$(REPO_URI)', 'Created-By: Packages'], {
    encoding: 'utf8',
  })
  const main = places.stdout?.split('\n').find((uri) => /\/debian\/?$/.test(uri))
  if (main === undefined) return null
  const own = path.join(FOLDER, 'apt')
  await mkdir(path.join(own, 'lists', 'partial'), { recursive: true })
  await mkdir(path.join(own, 'archives', 'partial'), { recursive: true })
  const list = path.join(own, 'sources.list')
  await writeFile(list, `deb ${main} sid main\n`)
  const options = [
    `Dir::Etc::sourcelist=${list}`,
    'Dir::Etc::sourceparts=-',
    `Dir::State::lists=${own}/lists`,
  ]
    .concat([`Dir::Cache::archives=${own}/archives`, 'APT::Sandbox::User=root', 'Acquire::Languages=none'])
    .concat([`Dir::Cache::pkgcache=${own}/pkgcache.bin`, `Dir::Cache::srcpkgcache=${own}/srcpkgcache.bin`])
    .flatMap((option) => ['-o', option])
  const apt = (words: readonly string[]) =>
    spawnSync('apt-get', ['-qq', ...options, ...words], { cwd: own, timeout: 240_000 }).status === 0
  if (!apt(['update']) || !apt(['download', 'pebble/sid'])) return null
  const archive = (await readdir(own)).find((file) => file.endsWith('.deb'))
  if (archive === undefined) return null
  spawnSync('dpkg-deb', ['--extract', path.join(own, archive), FOLDER])
  await rm(own, { recursive: true, force: true })
  return newestPebble()
}
