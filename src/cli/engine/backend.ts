import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import type { EngineOperations } from '../../api/engine-operations.ts'
import type { LoadedConfig } from '../../config/load.ts'
import { connectServer } from '../backend.ts'
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
  const { operations, close } = await openEngine(loaded, (line) => terminal.warn(escapeText(line)))
  try {
    return await use({ kind: 'offline', operations, loaded })
  } finally {
    await close()
    if (existsSync(loaded.config.data)) giveToOwner(loaded.config.data)
  }
}
