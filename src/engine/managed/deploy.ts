import { randomUUID } from 'node:crypto'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { EngineConfig, ManagedCertificateConfig } from '../../config/engine.ts'
import type { Deploy } from '../deploy.ts'
import type { FailPoint } from '../durable-step.ts'
import { EngineError } from '../engine-error.ts'
import type { Job, KeptCertificate } from '../job.ts'
import type { SolverContext } from '../solver.ts'
import { type HookParts, runHook } from './hooks.ts'
import { liveFolder, putLive } from './live-folder.ts'
import { pkcs12 } from './pkcs12.ts'

export interface DeployParts extends HookParts {
  /** In force; asked anew for each certificate. */
  readonly config: () => EngineConfig
  /** The data folder. */
  readonly data: string
  readonly failPoint: FailPoint
}

/** What was done for a job by this process: after a failed hook it is not done again. */
interface Progress {
  readonly job: string
  hasFiles: boolean
  /** The first hook that is still to run. */
  hook: number
}

/** Folder that programs read a certificate from, whether it is managed or was obtained by a command. */
export function certificateFolder(
  config: Pick<EngineConfig, 'certificates'>,
  data: string,
  name: string,
): string {
  return liveFolder(rootOf(config, data, name), name)
}

function rootOf({ certificates }: Pick<EngineConfig, 'certificates'>, data: string, name: string): string {
  return certificates.find((one) => one.name === name)?.files ?? join(data, 'certificates')
}

/** Whether a certificate of this name can be put anywhere. */
export function isFolderName(name: string): boolean {
  return /^[a-z0-9][a-z0-9._-]{0,127}$/.test(name)
}

/**
 * Files first, then PKCS #12, then the hooks in their order. A hook that fails does not keep those behind it from running:
 * they are run again after it when it is tried again. A line of a reissue plan that is not managed is put into its pickup
 * folder by the plan.
 */
export function createDeploy(parts: DeployParts): Deploy {
  /** By certificate. */
  const progress = new Map<string, Progress>()
  return async (job, certificate, key, context) => {
    const settings = parts.config().certificates.find(({ name }) => name === job.certificate)
    if (job.dryRun || (settings === undefined && job.line !== null)) return
    const known = progress.get(job.certificate)
    const done = known?.job === job.id ? known : { job: job.id, hasFiles: false, hook: 0 }
    progress.set(job.certificate, done)
    const root = rootOf(parts.config(), parts.data, job.certificate)
    const folder = liveFolder(root, job.certificate)
    if (!done.hasFiles) {
      await parts.failPoint('deploy.files', 'before')
      await putFiles(root, job, certificate, key, context)
      if (settings?.pkcs12 !== undefined)
        await putPkcs12(settings.pkcs12, job, certificate, key, parts, context)
      await parts.failPoint('deploy.files', 'after')
      done.hasFiles = true
    }
    const hooks = settings?.hooks ?? []
    let failed: { readonly at: number; readonly error: unknown } | null = null
    for (let at = done.hook; at < hooks.length; at++) {
      context.signal.throwIfAborted()
      try {
        await runHook(hooks[at]!, { certificate, folder, key }, parts, context)
      } catch (error) {
        context.signal.throwIfAborted()
        failed ??= { at, error }
      }
    }
    if (failed !== null) {
      done.hook = failed.at
      throw failed.error
    }
    progress.delete(job.certificate)
  }
}

async function putFiles(
  root: string,
  job: Job,
  certificate: KeptCertificate,
  key: string | null,
  { progress }: SolverContext,
): Promise<void> {
  const name = job.certificate
  if (!isFolderName(name)) {
    throw new EngineError(
      'deploy',
      `${JSON.stringify(name)} cannot be the name of a folder: give the certificate a name of lower-case letters, digits, dots, hyphens and underscores`,
    )
  }
  const [leaf, ...others] = blocksOf(certificate.chain)
  if (leaf === undefined)
    throw new EngineError('deploy', `The chain that is kept for ${name} holds no certificate`)
  try {
    const changed = await putLive(root, name, { leaf, chain: others.join(''), key })
    progress(
      `${liveFolder(root, name)} ${changed ? 'has the new certificate' : 'has this certificate already'}`,
    )
  } catch (error) {
    throw notPut(`into ${root}`, error)
  }
}

async function putPkcs12(
  { file, ...source }: NonNullable<ManagedCertificateConfig['pkcs12']>,
  job: Job,
  certificate: KeptCertificate,
  key: string | null,
  { readFile }: HookParts,
  { progress }: SolverContext,
): Promise<void> {
  if (key === null) {
    throw new EngineError(
      'deploy',
      `${file} cannot be written: the key of ${job.certificate} is not acmetap's`,
    )
  }
  try {
    const password =
      source.password ??
      (source.password_file === undefined ? null : readFile(source.password_file, 'secret'))
    if (password === null) throw new Error('it has no password: write password or password_file')
    const bytes = await pkcs12({
      key,
      certificates: blocksOf(certificate.chain),
      friendlyName: job.certificate,
      password,
    })
    await replaceFile(file, bytes)
    progress(`${file} has the new certificate`)
  } catch (error) {
    throw notPut(`into ${file}`, error)
  }
}

/** Complete on disk before it has the name. */
async function replaceFile(file: string, bytes: Buffer): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o755 })
  const fresh = `${file}.${randomUUID()}.new`
  const handle = await open(fresh, 'wx', 0o600)
  try {
    try {
      await handle.writeFile(bytes)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(fresh, file)
  } catch (error) {
    await rm(fresh, { force: true })
    throw error
  }
  const folder = await open(dirname(file), 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** PEM of each certificate, with a line end. */
function blocksOf(chain: string): string[] {
  const blocks = chain.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  return blocks.map((block) => `${block}\n`)
}

function notPut(where: string, error: unknown): EngineError {
  const { code, path, message } = error as NodeJS.ErrnoException
  const why =
    code === undefined ? message : `${REASONS[code] ?? code}${path === undefined ? '' : ` (${path})`}`
  return new EngineError('deploy', `The certificate could not be put ${where}: ${why}`)
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota is used up',
  ENOTDIR: 'a part of the path is a file',
}
