import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Complaint, KeyPath } from './config-error.ts'
import { credentialFiles, engineTrustFiles, readCredentials } from './engine-files.ts'
import type { Config } from './schema.ts'
import { CHANNEL_KINDS, readSecret, secretFiles } from './secrets.ts'
import { parseTemplate } from './templates.ts'

/**
 * Reads every PEM, secret and template file the configuration names, so that `config check`, a start and a reload give the same
 * verdict. Paths must be absolute already.
 */
export function checkFiles(config: Config): Complaint[] {
  const found: Complaint[] = []
  const roots = (path: KeyPath, file: string | undefined) => {
    if (file !== undefined) attempt(path, found, () => certificates(file))
  }
  for (const [name, ca] of Object.entries(config.cas)) {
    roots(['cas', name, 'trust'], ca.trust)
    roots(['cas', name, 'egress', 'trust'], ca.egress?.trust)
  }
  roots(['egress', 'trust'], config.egress.trust)
  for (const [at, { syslog }] of (config.sinks ?? []).entries()) {
    roots(['sinks', at, 'syslog', 'trust'], syslog?.trust)
  }
  for (const [at, channel] of (config.alerts.channels ?? []).entries()) {
    for (const kind of CHANNEL_KINDS) roots(['alerts', 'channels', at, kind, 'trust'], channel[kind]?.trust)
  }
  for (const { path, file } of engineTrustFiles(config)) roots(path, file)
  for (const { path, file } of credentialFiles(config)) {
    attempt(path, found, () => readCredentials(file), OF_SERVICE_ACCOUNTS)
  }
  for (const [name, file] of Object.entries(config.alerts.templates ?? {})) {
    if (file !== undefined)
      attempt(['alerts', 'templates', name], found, () => parseTemplate(file), OF_TEMPLATES)
  }
  for (const { path, file, what } of secretFiles(config)) {
    attempt(path, found, () => readSecret({ value: undefined, file }, what))
  }
  for (const name of ['acme', 'proxy'] as const) {
    checkPair(['listeners', name, 'certificate'], config.listeners[name].certificate, found)
  }
  return found
}

function checkPair(
  at: KeyPath,
  files: { readonly chain?: string | undefined; readonly key?: string | undefined } | undefined,
  found: Complaint[],
): void {
  const { chain: chainFile, key: keyFile } = files ?? {}
  // The files of a managed certificate come when it is obtained.
  if (chainFile === undefined || keyFile === undefined) return
  const chain = attempt([...at, 'chain'], found, () => certificates(chainFile))
  const key = attempt([...at, 'key'], found, () => createPrivateKey(readFileSync(keyFile)))
  if (chain !== undefined && key !== undefined && !chain[0]!.checkPrivateKey(key)) {
    found.push(complaint([...at, 'key'], 'is not the key of the first certificate in chain'))
  }
}

/** Of a PEM file. Throws an error whose message says what is wrong with it. */
export function certificates(file: string): X509Certificate[] {
  const blocks =
    readFileSync(file, 'latin1').match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  if (blocks.length === 0) throw new Error('holds no certificate in PEM form')
  return blocks.map((block) => new X509Certificate(block))
}

/** `instead`: where the file is there and what it holds is wrong. */
function attempt<T>(path: KeyPath, found: Complaint[], read: () => T, instead = RELATIVE): T | undefined {
  try {
    return read()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    found.push({ ...complaint(path, fileFault(error)), ...(code === undefined ? { instead } : {}) })
    return undefined
  }
}

/** What is wrong with a file that a key names, from what reading it threw. */
export function fileFault(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  return code === undefined ? message : (REASONS[code] ?? `cannot be read (${code})`)
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'names a file that does not exist',
  EACCES: 'names a file that this user may not read',
  EISDIR: 'names a folder, not a file',
}

const RELATIVE = 'Paths are relative to the configuration file'
const OF_TEMPLATES = 'docs/alert-channels.md says what templates may hold'

const OF_SERVICE_ACCOUNTS = 'Make one in the console of Google Cloud: IAM, service accounts, keys, JSON'

function complaint(path: KeyPath, message: string): Complaint {
  return { path, at: 'value', message, instead: RELATIVE }
}
