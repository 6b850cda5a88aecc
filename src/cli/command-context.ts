import { Command } from 'commander'
import type { LoadedConfig } from '../config/load.ts'
import type { Application } from './application.ts'
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

/** The configuration that --config or its defaults name; the files it names are not read. */
export function configOf(context: CommandContext, from: Command): LoadedConfig {
  return openConfig(context.terminal, from.optsWithGlobals<GlobalOptions>().config, false)
}
