import { resolve } from 'node:path'
import type { Command } from 'commander'
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
