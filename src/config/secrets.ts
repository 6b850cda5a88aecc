import { readFileSync } from 'node:fs'
import type { Config } from './schema.ts'

/** A password as the configuration gives it: itself, or the file it is the first line of. */
export interface PasswordSource {
  readonly password?: string | undefined
  readonly password_file?: string | undefined
}

/** The password, or null where none is configured. Throws the file system's error; an empty one is an error too. */
export function readPassword({ password, password_file }: PasswordSource): string | null {
  if (password !== undefined) return password
  if (password_file === undefined) return null
  const [line = ''] = readFileSync(password_file, 'utf8').split(/\r?\n/, 1)
  if (line === '') throw new Error('has no password in its first line')
  return line
}

/** Every place that takes a password, with the path to complain under. */
export function passwordSources(
  config: Config,
): readonly (readonly [path: (string | number)[], PasswordSource])[] {
  return [
    ...(config.listeners.proxy.users ?? []).map(
      (user, at) => [['listeners', 'proxy', 'users', at], user] as const,
    ),
    [['egress'], config.egress] as const,
    ...Object.entries(config.cas).map(([name, ca]) => [['cas', name, 'egress'], ca.egress ?? {}] as const),
  ].map(([path, source]) => [[...path], source] as const)
}
