import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Command } from 'commander'
import type { Operations } from '../api/operations.ts'
import type { LoadedConfig } from '../config/load.ts'
import type { Application } from './application.ts'
import { connectServer } from './backend.ts'
import { CliError } from './cli-error.ts'
import type { CommandContext, GlobalOptions } from './command-context.ts'
import { keepCompiledCode } from './compile-cache.ts'
import { openConfig } from './config-file.ts'
import { escapeText } from './escape.ts'
import { giveToOwner } from './give-to-owner.ts'

/** Part of the running server, or without one the same of this process over the data folder. */
export interface WriteBackend<O> {
  readonly kind: 'server' | 'offline'
  readonly operations: O
  readonly loaded: LoadedConfig
}

/** Where a part of the operations comes from. */
export interface WritePart<O> {
  of(server: Operations): O
  /** `warn`: told in one line of what the log of a server would say. */
  open(
    application: Application,
    loaded: LoadedConfig,
    warn: (line: string) => void,
  ): Promise<{ readonly operations: O; close(): Promise<void> }>
}

/** Runs `use`, and closes what was opened for it. */
export async function withPart<O, T>(
  context: CommandContext,
  self: Command,
  part: WritePart<O>,
  use: (backend: WriteBackend<O>) => Promise<T>,
): Promise<T> {
  const { terminal } = context
  const option = self.optsWithGlobals<GlobalOptions>().config
  const looked = openConfig(terminal, option, false)
  const server = await connectServer(looked.config)
  if (server !== null) return use({ kind: 'server', operations: part.of(server), loaded: looked })
  keepCompiledCode(looked.config.data)
  const application = await context.application()
  const loaded = openConfig(terminal, option, true)
  const warn = (line: string) => terminal.warn(escapeText(line))
  const opened = await part.open(application, loaded, warn).catch(async (error: unknown) => {
    if (!isHeld(error)) throw error
    return startedServer(loaded)
  })
  if (!('operations' in opened)) return use({ kind: 'server', operations: part.of(opened), loaded })
  try {
    return await use({ kind: 'offline', operations: opened.operations, loaded })
  } finally {
    await opened.close()
    if (existsSync(loaded.config.data)) giveToOwner(loaded.config.data)
  }
}

/** How long a server that holds the folder is given to answer, in ms. */
const STARTS_WITHIN = 10_000
const LOOK_EVERY = 250

/** The server that holds the folder and does not answer yet. Throws {@link CliError} where it is none, or takes too long. */
async function startedServer({ config }: LoadedConfig): Promise<Operations> {
  for (let waited = 0; waited < STARTS_WITHIN; waited += LOOK_EVERY) {
    await sleep(LOOK_EVERY)
    const server = await connectServer(config)
    if (server !== null) return server
  }
  throw new CliError(
    `another acmetap is using the data folder ${config.data}, and takes no commands`,
    'It is starting or stopping, or it is a command like this one: try again when it is done.',
  )
}

function isHeld(error: unknown): boolean {
  return (
    error instanceof Error && error.name === 'StoreRefusal' && 'reason' in error && error.reason === 'inUse'
  )
}
