import { realpath, stat } from 'node:fs/promises'
import path from 'node:path'
import type { Config } from '../../config/schema.ts'
import type { AccountFolder } from '../accounts/account-folder.ts'
import { readRegularFile, reasonOf } from '../accounts/read-regular-file.ts'
import { SEARCH_BOUNDS, type SearchBounds, searchFolders } from '../accounts/search-folders.ts'
import { acmeShCertificates } from './acme-sh.ts'
import { caOfUrl } from './ca-of-url.ts'
import { caddyCertificates } from './caddy.ts'
import { certbotCertificates } from './certbot.ts'
import { CertificateTree, type TreeFormat } from './certificate-tree.ts'
import { dehydratedCertificates } from './dehydrated.ts'
import { Findings } from './findings.ts'
import type { FoundCertificate } from './found-certificate.ts'
import { legoCertificates } from './lego.ts'
import { pemCertificates } from './pem.ts'
import { readContent } from './read-content.ts'
import { uacmeCertificates } from './uacme.ts'

/** In this order: what a client's own layout tells more of comes before any PEM. */
const FORMATS: readonly TreeFormat[] = [
  certbotCertificates,
  legoCertificates,
  acmeShCertificates,
  dehydratedCertificates,
  caddyCertificates,
  uacmeCertificates,
  pemCertificates,
]

/** Of a file that was named, and of standard input. */
export const MAX_CONTENT_BYTES = 64 * 1024 * 1024
/** Links out of the tree are told where they are certificates or say of which CA. */
const OF_INTEREST = /\.(?:pem|crt|cer|cert|der)$/i

export interface ReadOptions {
  readonly config: Pick<Config, 'cas' | 'relay'>
  readonly host: string
  readonly unmanaged: boolean
  /** Of certificates whose files do not tell the CA. */
  readonly ca: string | null
  readonly history: boolean
  readonly bounds?: SearchBounds
  /** Standard input, for the path `-`. */
  readonly input: () => Promise<Buffer>
}

export interface CertificateFiles {
  readonly found: readonly FoundCertificate[]
  /** Distinct CA certificates that came with no leaf; older ones of the same name; private keys passed over. */
  readonly leftOut: { readonly authorities: number; readonly older: number; readonly keys: number }
  /** One line each, for a person. At most 201. */
  readonly problems: readonly string[]
}

/**
 * The leaf certificates that the files at `paths` hold. A folder is searched with all that is below it; a file that is
 * named may also be Kubernetes JSON or CSV. Never rejects for what it finds there.
 */
export async function readCertificateFiles(
  paths: readonly string[],
  options: ReadOptions,
): Promise<CertificateFiles> {
  const { config } = options
  const findings = new Findings({ ...options, caOfUrl: (url) => caOfUrl(config, url) })
  for (const given of paths) {
    const { seen, problems } = findings
    await readPath(given, options, findings)
    if (findings.seen === seen && findings.problems.length === problems.length) {
      findings.report(`${given === '-' ? 'standard input' : given}: no leaf certificate found there`)
    }
  }
  const { found, authorities, older, keys, problems } = findings
  return { found, leftOut: { authorities, older, keys }, problems }
}

async function readPath(given: string, options: ReadOptions, findings: Findings): Promise<void> {
  if (given === '-') {
    const bytes = await options.input()
    if (bytes.length <= MAX_CONTENT_BYTES)
      return readContent(bytes, 'standard input', options.config, findings)
    return findings.report(`standard input: skipped: larger than 64 MiB; ${SMALLER}`)
  }
  let real: string
  let isFolder: boolean
  try {
    real = await realpath(given)
    isFolder = (await stat(real)).isDirectory()
  } catch (error) {
    return findings.report(`${given}: skipped: ${reasonOf(error)}`)
  }
  if (isFolder) return readTree(await whole(real), options, findings)
  const reading = await readRegularFile(real, MAX_CONTENT_BYTES)
  if ('bytes' in reading) return readContent(reading.bytes, given, options.config, findings)
  findings.report(`${given}: skipped: ${reading.refused}`)
}

const LEADS_OUT = ': skipped: a link that leads out of '
const MANY = 5

const SMALLER = 'for Kubernetes: kubectl get secrets --field-selector type=kubernetes.io/tls -o json'

/** Of certbot's folders one alone tells too little: the links in `live` lead out of it. */
async function whole(folder: string): Promise<string> {
  if (!['live', 'archive', 'renewal'].includes(path.basename(folder))) return folder
  const parent = path.dirname(folder)
  const siblings = ['live', 'archive', 'renewal'].map((name) => stat(path.join(parent, name)))
  const all = await Promise.all(siblings).catch(() => null)
  return all?.every((one) => one.isDirectory()) === true ? parent : folder
}

async function readTree(root: string, options: ReadOptions, findings: Findings): Promise<void> {
  const folders = new Map<string, AccountFolder>()
  const bounds = options.bounds ?? SEARCH_BOUNDS
  const links: string[] = []
  const report = (problem: string): void => {
    if (problem.includes(LEADS_OUT)) links.push(problem)
    else findings.report(problem)
  }
  for await (const folder of searchFolders(root, bounds, report, OF_INTEREST)) {
    folders.set(folder.path, folder)
  }
  // The system's own store alone has a hundred and more.
  if (links.length <= MANY) links.forEach(findings.report)
  else {
    findings.report(
      `${root}: ${links.length} links lead out of it and were not followed, the first ${links[0]!.split(LEADS_OUT)[0]}; name their targets to have them read`,
    )
  }
  // The order in a folder is the file system's; what comes first gives a certificate its path.
  const sorted = new Map([...folders].sort(([a], [b]) => (a < b ? -1 : 1)))
  const tree = new CertificateTree(sorted, options.history, findings)
  for (const format of FORMATS) await format(tree)
}
