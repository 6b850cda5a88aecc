/**
 * Where somebody else finds the certificates that were reissued for him:
 *
 *     NAME → .versions/NAME.0123456789abcdef     the only thing that changes, by one rename
 *     NAME/{cert,chain,fullchain}.pem, NAME/certificate.json
 */

import { randomBytes } from 'node:crypto'
import { mkdir, open, readdir, readlink, rename, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { readCertificateChain } from '../../acme/certificate.ts'
import { messageOf } from '../../exchange/message-of.ts'
import { syncFolder } from '../../interception/durable-files.ts'
import type { Deploy } from '../deploy.ts'
import { EngineError } from '../engine-error.ts'
import type { EngineStore } from '../engine-store.ts'
import type { Job, KeptCertificate } from '../job.ts'

const VERSIONS = '.versions'
/** Of each name: the one that is there, and the one before it for who still has it open. */
const KEPT = 2

export interface PickupParts {
  /** Asked anew for each certificate. */
  readonly folder: () => string
  readonly store: Pick<EngineStore, 'lines'>
}

/** Whether a certificate goes there: a line of a plan whose key somebody else holds. */
export function isForPickup({ line, key, dryRun }: Job): boolean {
  return line !== null && key === null && !dryRun
}

/** Puts what is for somebody else there, and leaves all else to `deploy`. */
export function withPickup(deploy: Deploy, parts: PickupParts): Deploy {
  return async (job, certificate, key, context) => {
    if (!isForPickup(job)) return await deploy(job, certificate, key, context)
    const folder = parts.folder()
    const lines = await parts.store.lines(job.line!.plan)
    const replaces = lines.find(({ line }) => line === job.line!.line)?.fingerprint ?? null
    try {
      await putPickup(folder, certificate, described(job, certificate, replaces))
    } catch (error) {
      if (error instanceof EngineError) throw error
      throw new EngineError(
        'deploy',
        `can't put ${certificate.certificate} into ${folder}: ${messageOf(error)}`,
      )
    }
    context.progress(`in ${join(folder, certificate.certificate)}`)
  }
}

function described(job: Job, certificate: KeptCertificate, replaces: string | null) {
  const leaf = readCertificateChain(Buffer.from(certificate.chain))?.leaf
  return {
    names: certificate.identifiers.map(({ value }) => value),
    ca: certificate.ca,
    fingerprint: certificate.fingerprint,
    serial: leaf?.serial ?? null,
    notBefore: instantOf(certificate.notBefore),
    notAfter: instantOf(certificate.notAfter),
    replaces,
    plan: job.line?.plan ?? null,
    line: job.line?.line ?? null,
  }
}

/** Repeating it changes nothing. */
async function putPickup(
  root: string,
  { certificate: name, chain, fingerprint }: KeptCertificate,
  about: object,
): Promise<void> {
  await mkdir(join(root, VERSIONS), { recursive: true, mode: 0o755 })
  const version = `${name}.${fingerprint.slice(0, 16)}`
  const target = join(VERSIONS, version)
  const path = join(root, name)
  const before = await currentOf(path)
  if (before !== target) {
    await writeVersion(join(root, target), chain, about)
    const fresh = join(root, VERSIONS, `.link-${randomBytes(6).toString('hex')}`)
    await symlink(target, fresh)
    await rename(fresh, path)
    await syncFolder(root)
  }
  await prune(join(root, VERSIONS), name, version)
}

/** Null where nothing is. Rejects for what is not ours to change. */
async function currentOf(path: string): Promise<string | null> {
  const target = await readlink(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    if (error.code === 'EINVAL') return ''
    throw error
  })
  if (target === null || target.startsWith(`${VERSIONS}/`)) return target
  throw new EngineError(
    'deploy',
    `${path} is there already and is not acmetap's: move it away, or choose another folder (engine.reissue.folder)`,
  )
}

/** Whole before it gets its name, so one that is there already is whole. */
async function writeVersion(target: string, chain: string, about: object): Promise<void> {
  const partial = `${target}.partial-${randomBytes(6).toString('hex')}`
  await mkdir(partial, { mode: 0o755 })
  try {
    const at = chain.indexOf('-----BEGIN CERTIFICATE-----', 1)
    const [leaf, rest] = at === -1 ? [chain, ''] : [chain.slice(0, at), chain.slice(at)]
    await writeSynced(join(partial, 'cert.pem'), leaf)
    await writeSynced(join(partial, 'chain.pem'), rest)
    await writeSynced(join(partial, 'fullchain.pem'), chain)
    await writeSynced(join(partial, 'certificate.json'), `${JSON.stringify(about, null, 2)}\n`)
    await syncFolder(partial)
    await rename(partial, target).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
    })
    await syncFolder(join(target, '..'))
  } finally {
    await rm(partial, { recursive: true, force: true })
  }
}

async function writeSynced(file: string, text: string): Promise<void> {
  const handle = await open(file, 'wx', 0o644)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function prune(versions: string, name: string, current: string): Promise<void> {
  const all: { entry: string; madeAt: number }[] = []
  for (const entry of await readdir(versions)) {
    if (entry === current || !entry.startsWith(`${name}.`)) continue
    if (!/^[0-9a-f]{16}$/.test(entry.slice(name.length + 1))) continue
    all.push({ entry, madeAt: await madeAt(join(versions, entry)) })
  }
  all.sort((one, other) => other.madeAt - one.madeAt)
  for (const { entry } of all.slice(KEPT - 1))
    await rm(join(versions, entry), { recursive: true, force: true })
}

async function madeAt(folder: string): Promise<number> {
  const handle = await open(folder, 'r')
  try {
    return (await handle.stat()).mtimeMs
  } finally {
    await handle.close()
  }
}

function instantOf(micros: number): string {
  return new Date(micros / 1000).toISOString()
}
