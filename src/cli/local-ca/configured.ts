import { chownSync, existsSync, mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Command } from 'commander'
import type { IssuerFiles } from '../../broker/local-ca/issuer-files.ts'
import type { KeyLock } from '../../broker/local-ca/key-lock.ts'
import type { IssuerCertificates } from '../../broker/local-ca/read-issuer.ts'
import type { LocalCaConfig } from '../../config/broker.ts'
import type { Config } from '../../config/schema.ts'
import { CliError } from '../cli-error.ts'
import type { CommandContext, GlobalOptions } from '../command-context.ts'
import { openConfig } from '../config-file.ts'
import { giveToOwner } from '../give-to-owner.ts'

/** A local CA of the configuration, and its folder. */
export interface Configured {
  readonly name: string
  readonly config: Config
  readonly settings: LocalCaConfig
  readonly files: IssuerFiles
  lock(): Promise<KeyLock>
}

/** `secrets`: whether the files of the configuration that hold secrets are read. */
export async function openConfigured(
  context: CommandContext,
  from: Command,
  name: string,
  secrets: boolean,
): Promise<Configured> {
  const option = from.optsWithGlobals<GlobalOptions>().config
  const { config } = openConfig(context.terminal, option, secrets)
  const settings = Object.hasOwn(config.local_cas, name) ? config.local_cas[name] : undefined
  if (settings === undefined) {
    const known = Object.keys(config.local_cas)
    throw new CliError(
      `there is no ${JSON.stringify(name)} under local_cas`,
      known.length > 0
        ? `There are: ${known.join(', ')}`
        : 'Add it to the configuration first: a name, and under it the names it may issue for.',
    )
  }
  const { IssuerFiles } = await import('../../broker/local-ca/issuer-files.ts')
  return {
    name,
    config,
    settings,
    files: new IssuerFiles(config.data, name),
    async lock() {
      // The engine's key may be the first that is made in it.
      mkdirSync(config.data, { recursive: true, mode: 0o700 })
      const { keyLockOf } = await import('../../broker/local-ca/key-lock-of.ts')
      return await keyLockOf(settings, { ...config.engine, data: config.data })
    },
  }
}

/** Works on the folder. What root makes in it goes to the owner of the data folder. */
export async function withFiles<T>({ config, files }: Configured, work: () => Promise<T>): Promise<T> {
  try {
    const done = await work()
    if (process.geteuid?.() === 0 && existsSync(files.path)) {
      const { uid, gid } = statSync(config.data)
      for (const folder of [dirname(files.path), files.path]) {
        if (statSync(folder).uid === 0) chownSync(folder, uid, gid)
        giveToOwner(folder)
      }
      giveToOwner(config.data)
    }
    return done
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : ''
    if (code !== 'EACCES' && code !== 'EPERM') throw error
    throw new CliError(
      `no right to read or change ${files.path}`,
      'Run this as the user that runs the server, or as root.',
    )
  }
}

/** What every command says of an issuer, in JSON. */
export function summary(issuer: IssuerCertificates) {
  return {
    issuer: issuer.generation,
    subject: issuer.subject,
    sha256: issuer.fingerprint,
    root: issuer.rootSubject,
    rootSha256: issuer.rootFingerprint,
    constrained: issuer.constraints !== null,
    notBefore: new Date(issuer.notBefore / 1000).toISOString(),
    notAfter: new Date(issuer.notAfter / 1000).toISOString(),
  }
}

export function fieldsOf(issuer: IssuerCertificates): readonly (readonly [string, string])[] {
  const { subject, sha256, root, rootSha256, notBefore, notAfter } = summary(issuer)
  return [
    ['root', root],
    ['root sha256', rootSha256],
    ['issuer', subject],
    ['issuer sha256', sha256],
    ['notBefore', notBefore],
    ['notAfter', notAfter],
  ]
}
