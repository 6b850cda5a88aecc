import { Command } from 'commander'
import type { LoadedConfig } from '../config/load.ts'
import type { Application } from './application.ts'
import { UsageError } from './cli-error.ts'
import { openConfig } from './config-file.ts'
import type { Terminal } from './terminal.ts'

/** What every command is given. */
export interface CommandContext {
  readonly terminal: Terminal
  application(): Promise<Application>
  /** Told the exit code where a command ran but its answer is no: `config check`. Otherwise 0. */
  exitWith(code: number): void
}

/** Options every command knows, because the program declares them. */
export interface GlobalOptions {
  readonly config?: string
}

/** A command with its examples under its help. Each example is a command line and what it does. */
export function command(
  name: string,
  description: string,
  examples: readonly (readonly [line: string, does: string])[],
): Command {
  const width = Math.max(...examples.map(([line]) => line.length))
  const lines = examples.map(([line, does]) => `  ${`acmetap ${line}`.padEnd(width + 8)}  ${does}`)
  return new Command(name).description(description).addHelpText('after', `\nExamples:\n${lines.join('\n')}`)
}

/**
 * A command whose first subcommand is meant where none is named. Its help says so, and a word that names none is an
 * unknown command, not an argument too many.
 */
export function withDefault(group: Command, first: Command, ...others: readonly Command[]): Command {
  group.addCommand(first, { isDefault: true })
  for (const other of others) group.addCommand(other)
  const known = group.commands.map((one) => one.name()).join(', ')
  first.allowExcessArguments().hook('preAction', ({ args: [word] }) => {
    if (word === undefined) return
    const named = group.args[0] === first.name()
    throw new UsageError(
      named
        ? `${group.name()} ${first.name()} takes no ${JSON.stringify(word)}`
        : `${group.name()} has no command ${JSON.stringify(word)}; known: ${known}`,
    )
  })
  return group.addHelpText(
    'after',
    () => `\nWithout a command: ${first.name()}. Its options: ${lineOf(group)} ${first.name()} --help`,
  )
}

/** `acmetap accounts`: what somebody types for a command. */
function lineOf(command: Command): string {
  return command.parent === null ? command.name() : `${lineOf(command.parent)} ${command.name()}`
}

/** The configuration that --config or its defaults name; the files it names are not read. */
export function configOf(context: CommandContext, from: Command): LoadedConfig {
  return openConfig(context.terminal, from.optsWithGlobals<GlobalOptions>().config, false)
}
