import type { Command } from 'commander'
import type { EabOperations } from '../../api/broker-operations.ts'
import type { CommandContext } from '../command-context.ts'
import { type WriteBackend, type WritePart, withPart } from '../write-backend.ts'

const EAB: WritePart<EabOperations> = {
  of: ({ broker }) => broker,
  open: ({ openEab }, loaded, warn) => openEab(loaded, warn),
}

/** EAB keys of the running server, or without one those of the data folder. */
export function withEab<T>(
  context: CommandContext,
  self: Command,
  use: (backend: WriteBackend<EabOperations>) => Promise<T>,
): Promise<T> {
  return withPart(context, self, EAB, use)
}
