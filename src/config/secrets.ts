import { readFileSync } from 'node:fs'
import { engineSecretFiles } from './engine-files.ts'
import type { Config } from './schema.ts'
import type { SecretFile } from './secret-file.ts'

/** A password as the configuration gives it: itself, or the file it is the first line of. */
export interface PasswordSource {
  readonly password?: string | undefined
  readonly password_file?: string | undefined
}

/** The password, or null where none is configured. Throws the file system's error; an empty one is an error too. */
export function readPassword({ password, password_file }: PasswordSource): string | null {
  return readSecret({ value: password, file: password_file }, 'password')
}

/** Any secret that is written itself, or as the first line of a file. `what` it is, for the error. */
export interface SecretSource {
  readonly value: string | undefined
  readonly file: string | undefined
}

/** As {@link readPassword}. */
export function readSecret({ value, file }: SecretSource, what: string): string | null {
  if (value !== undefined) return value
  if (file === undefined) return null
  const [line = ''] = readFileSync(file, 'utf8').split(/\r?\n/, 1)
  if (line === '') throw new Error(`has no ${what} in its first line`)
  return line
}

/** Every file of a secret that the configuration names. */
export function secretFiles(config: Config): readonly SecretFile[] {
  return [
    ...passwordFiles(config),
    ...engineSecretFiles(config),
    ...Object.entries(config.local_cas).flatMap(([name, { key_passphrase_file: file }]) =>
      file === undefined
        ? []
        : [{ path: ['local_cas', name, 'key_passphrase_file'], file, what: 'passphrase' }],
    ),
    ...(config.alerts.channels ?? []).flatMap((channel, at) =>
      CHANNEL_SECRETS.flatMap(({ kind, key, what }) => {
        const settings = channel[kind] as Readonly<Record<string, unknown>> | undefined
        const file = settings?.[`${key}_file`]
        return typeof file === 'string'
          ? [{ path: ['alerts', 'channels', at, kind, `${key}_file`], file, what }]
          : []
      }),
    ),
  ]
}

function passwordFiles(config: Config): SecretFile[] {
  const sources: (readonly [path: (string | number)[], PasswordSource])[] = [
    ...(config.listeners.proxy.users ?? []).map((user, at): [(string | number)[], PasswordSource] => [
      ['listeners', 'proxy', 'users', at],
      user,
    ]),
    [['egress'], config.egress],
    ...Object.entries(config.cas).map(([name, ca]): [(string | number)[], PasswordSource] => [
      ['cas', name, 'egress'],
      ca.egress ?? {},
    ]),
  ]
  return sources.flatMap(([path, { password_file: file }]) =>
    file === undefined ? [] : [{ path: [...path, 'password_file'], file, what: 'password' }],
  )
}

/** Of each kind of channel its secret: `key` or `key_file`. Where it is needed, the channel is nothing without it. */
export const CHANNEL_SECRETS = [
  { kind: 'webhook', key: 'secret', what: 'secret', needed: false },
  { kind: 'email', key: 'password', what: 'password', needed: false },
  { kind: 'slack', key: 'url', what: 'URL', needed: true },
  { kind: 'teams', key: 'url', what: 'URL', needed: true },
  { kind: 'discord', key: 'url', what: 'URL', needed: true },
  { kind: 'mattermost', key: 'url', what: 'URL', needed: true },
  { kind: 'telegram', key: 'token', what: 'token', needed: true },
  { kind: 'ntfy', key: 'token', what: 'token', needed: false },
  { kind: 'pagerduty', key: 'routing_key', what: 'key', needed: true },
  { kind: 'opsgenie', key: 'api_key', what: 'key', needed: true },
] as const

/** What a channel can be. */
export const CHANNEL_KINDS = [...CHANNEL_SECRETS.map(({ kind }) => kind), 'alertmanager'] as const
