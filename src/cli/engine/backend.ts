import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Command } from 'commander'
import type { EngineOperations } from '../../api/engine-operations.ts'
import type { LoadedConfig } from '../../config/load.ts'
import { connectServer } from '../backend.ts'
import { CliError } from '../cli-error.ts'
import type { CommandContext, GlobalOptions } from '../command-context.ts'
import { keepCompiledCode } from '../compile-cache.ts'
import { openConfig } from '../config-file.ts'
import { escapeText } from '../escape.ts'
import { giveToOwner } from '../give-to-owner.ts'

/** The engine of the running server, or without one an engine of this process over the data folder. */
export interface EngineBackend {
  readonly kind: 'server' | 'offline'
  readonly operations: EngineOperations
  readonly loaded: LoadedConfig
}

/** Runs `use`, and closes what was opened for it. */
export async function withEngine<T>(
  context: CommandContext,
  self: Command,
  use: (backend: EngineBackend) => Promise<T>,
): Promise<T> {
  const { terminal } = context
  const option = self.optsWithGlobals<GlobalOptions>().config
  const looked = openConfig(terminal, option, false)
  const server = await connectServer(looked.config)
  if (server !== null) return use({ kind: 'server', operations: server.engine, loaded: looked })
  keepCompiledCode(looked.config.data)
  const { openEngine } = await context.application()
  const loaded = openConfig(terminal, option, true)
  const opened = await openEngine(loaded, (line) => terminal.warn(escapeText(line))).catch(
    async (error: unknown) => {
      if (!isHeld(error)) throw error
      return startedServer(loaded)
    },
  )
  if (!('close' in opened)) return use(opened)
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
async function startedServer(loaded: LoadedConfig): Promise<EngineBackend> {
  for (let waited = 0; waited < STARTS_WITHIN; waited += LOOK_EVERY) {
    await sleep(LOOK_EVERY)
    const server = await connectServer(loaded.config)
    if (server !== null) return { kind: 'server', operations: server.engine, loaded }
  }
  throw new CliError(
    `another acmetap is using the data folder ${loaded.config.data}, and takes no commands`,
    'It is starting or stopping, or it is a command like this one: try again when it is done.',
  )
}

function isHeld(error: unknown): boolean {
  return (
    error instanceof Error && error.name === 'StoreRefusal' && 'reason' in error && error.reason === 'inUse'
  )
}
