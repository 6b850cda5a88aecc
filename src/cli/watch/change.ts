import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { PlaceError, readPlace } from '../../alerts/watch/place.ts'
import { requireServer } from '../backend.ts'
import { CliError, UsageError } from '../cli-error.ts'
import { type CommandContext, command, configOf } from '../command-context.ts'
import { LOCAL } from '../local-actor.ts'
import type { Terminal } from '../terminal.ts'

export function addCommand(context: CommandContext) {
  return command('add', 'put places on the list; they are looked at soon', [
    ['watch add www.example.com:443', 'TLS at once'],
    ['watch add mail.example.com:25/smtp db.example.com:5432/postgres', 'TLS after STARTTLS'],
    ['watch add --file places.txt', 'one a line'],
  ])
    .argument('[places...]', 'host:port or host:port/KIND')
    .option('--file <file>', 'read places from this file, one a line; # begins a comment')
    .action(async (words: string[], options: { file?: string }, self) => {
      const { terminal } = context
      const lines = options.file === undefined ? [] : linesOf(terminal, options.file)
      const places = placesOf([...words, ...lines])
      const server = await requireServer(configOf(context, self).config, 'watch add')
      for (const place of places) {
        const { endpoint } = await server.addEndpoint(place, LOCAL)
        terminal.warn(`${endpoint} is on the list`)
      }
    })
}

export function removeCommand(context: CommandContext) {
  return command('remove', 'take places off the list that were put on it by hand', [
    ['watch remove www.example.com:443', 'as the list shows it'],
  ])
    .argument('<places...>', 'host:port or host:port/KIND')
    .action(async (words: string[], _options, self) => {
      const places = placesOf(words)
      const server = await requireServer(configOf(context, self).config, 'watch remove')
      for (const place of places) {
        await server.removeEndpoint(place, LOCAL)
        context.terminal.warn(`${place} is off the list`)
      }
    })
}

/** All of them are read before anything is sent. Throws {@link UsageError}. */
function placesOf(words: readonly string[]): string[] {
  if (words.length === 0) throw new UsageError('name a place: host:port or host:port/KIND')
  return words.map((word) => placeNamed(word).endpoint)
}

/** Throws {@link UsageError}. */
export function placeNamed(word: string) {
  try {
    return readPlace(word)
  } catch (error) {
    throw error instanceof PlaceError ? new UsageError(error.message) : error
  }
}

function linesOf(terminal: Terminal, name: string): string[] {
  const file = resolve(terminal.folder, name)
  try {
    const lines = readFileSync(file, 'utf8').split('\n')
    return lines.map((line) => line.replace(/#.*$/, '').trim()).filter((line) => line !== '')
  } catch (error) {
    throw new CliError(`${file} cannot be read: ${(error as NodeJS.ErrnoException).code}`)
  }
}
