import type { Command } from 'commander'
import type { EngineOperations } from '../../api/engine-operations.ts'
import type { CommandContext } from '../command-context.ts'
import { type WriteBackend, type WritePart, withPart } from '../write-backend.ts'

/** The engine of the running server, or without one an engine of this process over the data folder. */
export type EngineBackend = WriteBackend<EngineOperations>

const ENGINE: WritePart<EngineOperations> = {
  of: ({ engine }) => engine,
  open: ({ openEngine }, loaded, warn) => openEngine(loaded, warn),
}

/** Runs `use`, and closes what was opened for it. */
export function withEngine<T>(
  context: CommandContext,
  self: Command,
  use: (backend: EngineBackend) => Promise<T>,
): Promise<T> {
  return withPart(context, self, ENGINE, use)
}
