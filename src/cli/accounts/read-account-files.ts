import { lstat, realpath, stat } from 'node:fs/promises'
import path from 'node:path'
import type { AccountFolder } from './account-folder.ts'
import { acmeShAccounts } from './acme-sh.ts'
import { caddyAccounts } from './caddy.ts'
import { certbotAccounts } from './certbot.ts'
import { dehydratedAccounts } from './dehydrated.ts'
import type { AccountFormat, FoundAccount, Sighting } from './found-account.ts'
import { legoAccounts } from './lego.ts'
import { reasonOf } from './read-regular-file.ts'
import { SEARCH_BOUNDS, type SearchBounds, searchFolders } from './search-folders.ts'
import { uacmeAccounts } from './uacme.ts'

const FORMATS: readonly AccountFormat[] = [
  certbotAccounts,
  legoAccounts(keysFolder),
  acmeShAccounts,
  dehydratedAccounts,
  caddyAccounts,
  uacmeAccounts,
]

const MAX_PROBLEMS = 200

export interface AccountFiles {
  readonly found: FoundAccount[]
  /** One line each, for a person: what could not be read or used, and what to do. At most 201. */
  readonly problems: string[]
}

/**
 * The accounts that the files at `paths` tell of. A folder is searched with all that is below it; a file stands
 * for the account it belongs to. Never rejects for what it finds there. Each account comes once; one that is
 * told with two different keys is a problem and left out.
 */
export async function readAccountFiles(
  paths: readonly string[],
  bounds: SearchBounds = SEARCH_BOUNDS,
): Promise<AccountFiles> {
  const problems = new Set<string>()
  let unsaid = 0
  const report = (problem: string): void => {
    if (problems.has(problem)) return
    if (problems.size < MAX_PROBLEMS) problems.add(problem)
    else unsaid += 1
  }
  const found: FoundAccount[] = []
  for (const given of paths) {
    const sightings = await sightingsAt(given, bounds, report)
    if (sightings?.length === 0) {
      report(`${given}: no account of certbot, lego, acme.sh, dehydrated, Caddy or uacme found there`)
    }
    for (const sighting of sightings ?? []) {
      const account = accountOf(sighting, report)
      if (account) found.push(account)
    }
  }
  const distinct = withoutConflicts(found, report)
  const rest = unsaid === 0 ? [] : [`and ${unsaid} more problems`]
  return { found: distinct, problems: [...problems, ...rest] }
}

/** Null when the path itself can't be read, which is reported. */
async function sightingsAt(
  given: string,
  bounds: SearchBounds,
  report: (problem: string) => void,
): Promise<readonly Sighting[] | null> {
  let real: string
  let isFile: boolean
  try {
    real = await realpath(given)
    isFile = !(await stat(real)).isDirectory()
  } catch (error) {
    report(`${given}: skipped: ${reasonOf(error)}`)
    return null
  }
  if (!isFile) return search(real, bounds, report)
  // lego's key lies one folder below its account.
  const beside = path.dirname(real)
  const base = path.basename(beside) === 'keys' ? path.dirname(beside) : beside
  // Problems with neighbours of a file that was named are not its problems.
  const heard: string[] = []
  const sightings = await search(base, { depth: 0, entries: bounds.entries }, (problem) =>
    heard.push(problem),
  )
  const own = sightings.filter((sighting) => sighting.files.includes(real))
  for (const problem of heard) {
    if (
      own.some(({ files }) => files.some((file) => problem.startsWith(`${file}:`))) ||
      problem.startsWith(`${real}:`)
    ) {
      report(problem)
    }
  }
  return own
}

async function search(
  root: string,
  bounds: SearchBounds,
  report: (problem: string) => void,
): Promise<readonly Sighting[]> {
  const sightings: Sighting[] = []
  for await (const folder of searchFolders(root, bounds, report)) {
    for (const format of FORMATS) sightings.push(...(await format(folder)))
  }
  return sightings
}

/** lego's `keys` folder below an account's folder. */
async function keysFolder(folder: AccountFolder): Promise<AccountFolder | null> {
  const ignore = (): void => {}
  const isFolder = await lstat(path.join(folder.path, 'keys')).then(
    (found) => found.isDirectory(),
    () => false,
  )
  if (!isFolder) return null
  for await (const keys of searchFolders(
    path.join(folder.path, 'keys'),
    { depth: 0, entries: 1000 },
    ignore,
  )) {
    return keys
  }
  return null
}

function accountOf(sighting: Sighting, report: (problem: string) => void): FoundAccount | null {
  const { account, key, from, client } = sighting
  if ('problem' in key) {
    report(`${from}: ${client} account left out: ${key.problem}`)
    return null
  }
  if (account === null) {
    report(
      `${from}: ${client} account left out: its files hold a key but no account URL; ${sighting.withoutUrl}`,
    )
    return null
  }
  if (!isAccountUrl(account)) {
    report(`${from}: ${client} account left out: what stands for its account URL is no absolute https URL`)
    return null
  }
  return { account, jwk: key.jwk, thumbprint: key.thumbprint, from, client }
}

/** RFC 8555 §6.2: a `kid` is an absolute URL; credentials or white space have no place in it. */
function isAccountUrl(text: string): boolean {
  if (!/^https:\/\/[\x21-\x7e]+$/.test(text)) return false
  const url = URL.parse(text)
  return url !== null && url.username === '' && url.password === ''
}

function withoutConflicts(found: readonly FoundAccount[], report: (problem: string) => void): FoundAccount[] {
  const byAccount = Map.groupBy(found, ({ account }) => account)
  return [...byAccount.values()].flatMap((same) => {
    const first = same[0]!
    const other = same.find(({ thumbprint }) => thumbprint !== first.thumbprint)
    if (!other) return [first]
    report(
      `${first.from} and ${other.from}: both left out: two different keys for ${first.account}; name only the one in use`,
    )
    return []
  })
}
