/**
 * The root of listener `acme`, kept in the data folder: made at the first start, then only read.
 *
 * It is not the root interception uses. It lives five years: replacing it means visiting every client, and for
 * clients that read name constraints a stolen key is good for this listener's names only. Those names are fixed
 * from its first day; for others a new root is needed, and nothing here makes one silently.
 */
import { createPrivateKey, randomBytes, X509Certificate } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { messageOf } from '../exchange/message-of.ts'
import 'reflect-metadata'
import { X509Certificate as ParsedCertificate } from '@peculiar/x509'
import { type Authority, createAuthority } from './authority.ts'
import { exists, exposure, renameDurably, writeDurably } from './durable-files.ts'
import {
  decodePermittedNames,
  NAME_CONSTRAINTS_OID,
  namesNotCovered,
  type SubjectNames,
} from './name-constraints.ts'

export const LISTENER_ROOT_DAYS = 5 * 365 + 1
/** Clients need time to take a new root, so its end is announced this long before. */
export const LISTENER_ROOT_WARNING_DAYS = 30

export type ListenerRootTrouble = 'namesNotCovered' | 'keyExposed' | 'incomplete' | 'unusable' | 'ended'

/** The operator's to mend; the message says what to do. */
export class ListenerRootError extends Error {
  readonly trouble: ListenerRootTrouble
  /** The configured names outside the root's constraints, for `namesNotCovered`. */
  readonly names: readonly string[]
  constructor(trouble: ListenerRootTrouble, message: string, names: readonly string[] = []) {
    super(message)
    this.name = 'ListenerRootError'
    this.trouble = trouble
    this.names = names
  }
}

export interface ListenerRoot extends Authority {
  readonly notAfter: Date
  /** True when this call made it: clients do not trust it yet. */
  readonly created: boolean
}

/**
 * Read `listener-root.pem` and `listener-root.key` in `folder`, or make them when neither exists.
 * Throws ListenerRootError, or the file system's error.
 */
export async function loadOrCreateListenerRoot(
  folder: string,
  names: SubjectNames,
  now: () => Date,
): Promise<ListenerRoot> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const files = rootFiles(folder)
  let created = false
  if (!(await exists(files.key)) && !(await exists(files.certificate))) {
    await create(files, names, now())
    created = true
  }
  await finishInterruptedCreation(files)
  const root = await read(files)
  const { notBefore, notAfter } = new ParsedCertificate(root.certificate)
  if (notAfter <= now()) {
    throw new ListenerRootError('ended', `${files.certificate} ended on ${day(notAfter)}. ${newRoot(files)}`)
  }
  if (notBefore > now()) {
    throw new ListenerRootError(
      'unusable',
      `${files.certificate} is not valid yet: check this machine's clock.`,
    )
  }
  const outside = namesNotCovered(permittedNames(root.certificate, files), names)
  if (outside.length > 0) {
    throw new ListenerRootError(
      'namesNotCovered',
      `the listener root does not cover ${outside.join(', ')}: its names are fixed from its first day. ` +
        `Take the names out of the configuration, or make a new root. ${newRoot(files)}`,
      outside,
    )
  }
  return { ...root, notAfter, created }
}

interface RootFiles {
  readonly certificate: string
  readonly key: string
  readonly newCertificate: string
  readonly newKey: string
}

function rootFiles(folder: string): RootFiles {
  const certificate = join(folder, 'listener-root.pem')
  const key = join(folder, 'listener-root.key')
  return { certificate, key, newCertificate: `${certificate}.new`, newKey: `${key}.new` }
}

/**
 * Both files are complete on disk before either gets its name, and the key gets it first: a crash in between
 * leaves a state that the next start can finish, with the same root.
 */
async function create(files: RootFiles, names: SubjectNames, now: Date): Promise<void> {
  const root = await createAuthority({
    commonName: `acmetap listener root ${randomBytes(4).toString('hex')}`,
    permitted: names,
    now,
    lifetimeDays: LISTENER_ROOT_DAYS,
  })
  await writeDurably(files.newKey, root.key, 0o600)
  await writeDurably(files.newCertificate, root.certificate, 0o644)
  await renameDurably(files.newKey, files.key)
  await renameDurably(files.newCertificate, files.certificate)
}

async function finishInterruptedCreation(files: RootFiles): Promise<void> {
  if ((await exists(files.certificate)) || !(await exists(files.key))) return
  if (!(await exists(files.newCertificate))) return
  await renameDurably(files.newCertificate, files.certificate)
}

async function read(files: RootFiles): Promise<Authority> {
  for (const file of [files.certificate, files.key]) {
    if (!(await exists(file))) {
      throw new ListenerRootError(
        'incomplete',
        `${file} is missing beside its other half. Restore it from a backup. ${newRoot(files)}`,
      )
    }
  }
  const exposed = await exposure(files.key)
  if (exposed !== null) throw new ListenerRootError('keyExposed', exposed)
  const certificate = await readFile(files.certificate, 'utf8')
  const key = await readFile(files.key, 'utf8')
  try {
    const parsed = new X509Certificate(certificate)
    if (!parsed.ca || !parsed.checkPrivateKey(createPrivateKey(key))) throw new Error('they do not match')
  } catch (error) {
    const reason = messageOf(error)
    throw new ListenerRootError(
      'unusable',
      `${files.certificate} and ${files.key} are no usable root: ${reason}. Restore them from a backup. ${newRoot(files)}`,
    )
  }
  return { certificate, key }
}

function permittedNames(certificate: string, files: RootFiles): SubjectNames {
  const extension = new ParsedCertificate(certificate).getExtension(NAME_CONSTRAINTS_OID)
  if (!extension?.critical) {
    throw new ListenerRootError(
      'unusable',
      `${files.certificate} has no critical name constraints, so it was not made by acmetap. ` +
        'Use certificate files for a listener whose certificate comes from elsewhere.',
    )
  }
  return decodePermittedNames(new Uint8Array(extension.value))
}

function newRoot(files: RootFiles): string {
  return (
    `To make a new root, remove ${files.certificate} and ${files.key} and start again; ` +
    'every client must then trust the new one.'
  )
}

function day(date: Date): string {
  return date.toISOString().slice(0, 10)
}
