import { chownSync, existsSync, readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import type { Config } from '../../config/schema.ts'
import type { AuthorityFolder } from '../../interception/authority-folder.ts'
import type { IssuingAuthority } from '../../interception/issuing-authority.ts'
import type { SubjectNames } from '../../interception/name-constraints.ts'
import { CliError, UsageError } from '../cli-error.ts'
import { type CommandContext, configOf } from '../command-context.ts'
import { giveToOwner } from '../give-to-owner.ts'

/** The interception authorities of the configured data folder. */
export interface Authorities {
  readonly config: Config
  readonly folder: AuthorityFolder
  /** The hosts of intercept.cas. */
  readonly names: SubjectNames
  readonly now: Date
}

/** What reads certificates takes its time to load, which other commands should not wait for: it is loaded here. */
export async function openAuthorities(context: CommandContext, from: Command): Promise<Authorities> {
  const { config } = configOf(context, from)
  const [{ AuthorityFolder }, { interceptedNames }] = await Promise.all([
    import('../../interception/authority-folder.ts'),
    import('../../interception/intercepted-names.ts'),
  ])
  return {
    config,
    folder: new AuthorityFolder(config.data),
    names: interceptedNames(config),
    now: new Date(context.terminal.now() / 1000),
  }
}

/** Changes what is in the folder; what root makes belongs to the owner of the data folder. */
export async function change<T>({ config, folder }: Authorities, work: () => Promise<T>): Promise<T> {
  try {
    const done = await work()
    if (process.geteuid?.() === 0) {
      const { uid, gid } = statSync(config.data)
      for (const one of [folder.path, folder.previous]) {
        if (statSync(one).uid === 0) chownSync(one, uid, gid)
        giveToOwner(one)
      }
    }
    return done
  } catch (error) {
    throw asCliError(error, folder)
  }
}

/** Reading from the folder, with the same words for a lack of rights. */
export async function look<T>({ folder }: Authorities, work: () => Promise<T>): Promise<T> {
  return await work().catch((error: unknown) => {
    throw asCliError(error, folder)
  })
}

function asCliError(error: unknown, { path }: AuthorityFolder): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : ''
  if (code !== 'EACCES' && code !== 'EPERM') return error
  return new CliError(
    `no right to read or change ${path}`,
    'Run this as the user that runs the server, or as root.',
  )
}

export function mustHaveNames({ names }: Authorities): void {
  if (names.dns.length + names.ips.length > 0) return
  throw new CliError(
    'intercept.cas is empty, so there is no host to permit',
    'List the CAs whose connections are taken over under intercept.cas first.',
  )
}

export function allNames({ dns, ips }: SubjectNames): string[] {
  return [...dns, ...ips]
}

/** The names of --also. Throws UsageError. */
export async function alsoNames(words: readonly string[] = []): Promise<SubjectNames> {
  const { subjectNames } = await import('../../interception/name-constraints.ts')
  try {
    return subjectNames(words)
  } catch (error) {
    throw new UsageError(`--also: ${(error as Error).message}`)
  }
}

export function readPem(context: CommandContext, name: string): string {
  const file = resolve(context.terminal.folder, name)
  if (!existsSync(file)) throw new CliError(`${file} does not exist`)
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new CliError(`${file} cannot be read: ${(error as Error).message}`)
  }
}

/** What every command says of an authority, in JSON. */
export function summary(authority: IssuingAuthority) {
  return {
    names: allNames(authority.permitted),
    sha256: authority.rootFingerprint,
    issuer: authority.fingerprint,
    own: authority.own,
    notBefore: authority.notBefore.toISOString(),
    notAfter: authority.notAfter.toISOString(),
  }
}
