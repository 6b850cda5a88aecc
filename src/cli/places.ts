import { resolve } from 'node:path'
import type { Command } from 'commander'
import { type Backend, withBackend } from './backend.ts'
import { UsageError } from './cli-error.ts'
import { type CommandContext, configOf } from './command-context.ts'
import type { Terminal } from './terminal.ts'

export interface PlaceOptions {
  readonly data?: readonly string[]
}

/** `--data`, as often as wanted. */
export function addPlaces(command: Command): Command {
  return command.option(
    '--data <folder>',
    "a data folder or a backup's file instead of the configured one; several are read as one record",
    (place: string, before: readonly string[] | undefined) => [...(before ?? []), place],
  )
}

export function placesOf({ data }: PlaceOptions, terminal: Terminal): readonly string[] {
  return (data ?? []).map((place) => resolve(terminal.folder, place))
}

/** `--data`, once: for what is read from one record. */
export function addPlace(command: Command): Command {
  return command.option(
    '--data <folder>',
    "a data folder or a backup's file instead of the configured one",
    (place: string, before: readonly string[] | undefined) => [...(before ?? []), place],
  )
}

/**
 * Runs `use` against the place that was named, from its files; where none was, against the running server or the
 * configured data folder. Throws a {@link UsageError} for several places.
 */
export async function withPlace<T>(
  context: CommandContext,
  self: Command,
  options: PlaceOptions,
  use: (backend: Backend) => Promise<T>,
): Promise<T> {
  const [place, ...others] = placesOf(options, context.terminal)
  if (others.length > 0) {
    throw new UsageError(
      '--data was given several times; only exchanges and export read several records as one',
    )
  }
  if (place === undefined) return withBackend(configOf(context, self).config, context.application, use)
  const operations = await (await context.application()).openOffline({ data: place })
  try {
    return await use({ kind: 'offline', operations })
  } finally {
    await operations.close()
  }
}
