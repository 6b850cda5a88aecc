import { statSync } from 'node:fs'
import { controlSocketPath } from '../api/control-socket-path.ts'
import type { Operations } from '../api/operations.ts'
import { MergedReader } from '../audit/merged-reader.ts'
import type { Config } from '../config/schema.ts'
import type { Application, OfflineOperations } from './application.ts'
import { CliError } from './cli-error.ts'
import { connectControl } from './control-client.ts'

export type Backend =
  | { readonly kind: 'server'; readonly operations: Operations }
  | { readonly kind: 'offline'; readonly operations: OfflineOperations }

/** The running server if its socket answers, else null. Throws a {@link CliError} where the data folder is closed. */
export async function connectServer(config: Config): Promise<Operations | null> {
  const path = controlSocketPath(config.data)
  return isThere(path, config.data) ? connectControl(path) : null
}

/** A folder that is closed to this user is not one without a server and without a record. */
function isThere(path: string, folder: string): boolean {
  try {
    statSync(path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EACCES') return false
    throw new CliError(
      `no right to look into ${folder}`,
      'Run this as the user that runs the server, or as root.',
    )
  }
}

/** As {@link connectServer}; throws a {@link CliError} when no server runs. `what` completes "… needs". */
export async function requireServer(config: Config, what: string): Promise<Operations> {
  const server = await connectServer(config)
  if (server !== null) return server
  throw new CliError(
    `${what} needs a running server, and none answers in ${config.data}`,
    'Start it with: acmetap serve. If it runs, use the same --config and the same user.',
  )
}

/**
 * Runs `use` against the running server or, where none answers, against the record on disk, read-only. What was
 * opened is closed again.
 */
export async function withBackend<T>(
  config: Config,
  application: () => Promise<Application>,
  use: (backend: Backend) => Promise<T>,
): Promise<T> {
  const server = await connectServer(config)
  if (server !== null) return use({ kind: 'server', operations: server })
  const operations = await (await application()).openOffline(config)
  try {
    return await use({ kind: 'offline', operations })
  } finally {
    await operations.close()
  }
}

/** As {@link withBackend}, or over the records that were named: data folders or backups, read as one. */
export async function withRecords<T>(
  { config, data }: { readonly config: () => Config; readonly data: readonly string[] },
  application: () => Promise<Application>,
  use: (reader: MergedReader) => Promise<T>,
): Promise<T> {
  if (data.length === 0) {
    return withBackend(config(), application, ({ operations }) => use(new MergedReader([operations])))
  }
  return withFiles(data, application, use)
}

/** The records of these data folders or backups, read as one from the disk, whether servers run or not. */
export async function withFiles<T>(
  data: readonly string[],
  application: () => Promise<Application>,
  use: (reader: MergedReader) => Promise<T>,
): Promise<T> {
  const { openOffline } = await application()
  const opened: OfflineOperations[] = []
  try {
    for (const place of new Set(data)) opened.push(await openOffline({ data: place }))
    return await use(new MergedReader(opened))
  } finally {
    for (const operations of opened) await operations.close()
  }
}
