/** Files that the keys under `engine` name. */
import { readFileSync } from 'node:fs'
import type { KeyPath } from './config-error.ts'
import { SOLVER_KINDS, SOLVER_SECRETS } from './engine-solvers.ts'
import type { Config } from './schema.ts'
import type { SecretFile } from './secret-file.ts'

type Settings = Readonly<Record<string, unknown>> | undefined

/** Every file of a secret; that keys are kept under is read by the engine itself, which also looks at its mode. */
export function engineSecretFiles({ engine }: Config): SecretFile[] {
  const found: SecretFile[] = []
  const add = (path: KeyPath, file: unknown, what: string) => {
    if (typeof file === 'string') found.push({ path, file, what })
  }
  add(['engine', 'secret_file'], engine.secret_file, 'key')
  for (const [at, { external }] of engine.accounts.entries()) {
    add(['engine', 'accounts', at, 'external', 'hmac_key_file'], external?.hmac_key_file, 'MAC key')
  }
  for (const [at, solver] of engine.solvers.entries()) {
    for (const { kind, key } of SOLVER_SECRETS) {
      const settings = solver[kind] as Settings
      add(['engine', 'solvers', at, kind, `${key}_file`], settings?.[`${key}_file`], key)
    }
  }
  for (const [at, { pkcs12, hooks }] of engine.certificates.entries()) {
    const path = ['engine', 'certificates', at]
    add([...path, 'pkcs12', 'password_file'], pkcs12?.password_file, 'password')
    for (const [n, { secret_file }] of hooks.entries()) {
      add([...path, 'hooks', n, 'secret_file'], secret_file, 'secret')
    }
  }
  return found
}

/** Every PEM file of roots, with its place. */
export function engineTrustFiles({ engine }: Config): { readonly path: KeyPath; readonly file: string }[] {
  const ofSolvers = engine.solvers.flatMap((solver, at) =>
    SOLVER_KINDS.flatMap((kind) => {
      const file = (solver[kind] as Settings)?.trust
      return typeof file === 'string' ? [{ path: ['engine', 'solvers', at, kind, 'trust'], file }] : []
    }),
  )
  const ofHooks = engine.certificates.flatMap(({ hooks }, at) =>
    hooks.flatMap(({ trust }, n) =>
      trust === undefined ? [] : [{ path: ['engine', 'certificates', at, 'hooks', n, 'trust'], file: trust }],
    ),
  )
  return [...ofSolvers, ...ofHooks]
}

/** Keys of service accounts, with their places. */
export function credentialFiles({ engine }: Config): { readonly path: KeyPath; readonly file: string }[] {
  return engine.solvers.flatMap(({ google }, at) =>
    google === undefined
      ? []
      : [{ path: ['engine', 'solvers', at, 'google', 'credentials'], file: google.credentials }],
  )
}

/** Throws an error whose message says what is wrong with it, and nothing of what it holds. */
export function readCredentials(file: string): void {
  const text = readFileSync(file, 'utf8')
  let read: unknown
  try {
    read = JSON.parse(text)
  } catch {
    throw new Error('is not JSON')
  }
  const { client_email, private_key } = (read ?? {}) as Record<string, unknown>
  if (typeof client_email !== 'string' || typeof private_key !== 'string')
    throw new Error('is not the key of a service account: it has no client_email and private_key')
}
