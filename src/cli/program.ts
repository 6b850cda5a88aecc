/**
 * src/cli is the command line: one file per command, each a few lines over the operations. It knows no SQL and
 * decides nothing. Start here.
 */

import { Command, CommanderError } from 'commander'
import { VERSION } from '../app/version.ts'
import { ConfigError, formatProblem } from '../config/config-error.ts'
import { messageOf } from '../exchange/message-of.ts'
import { type Application, loadApplication } from './application.ts'
import { CliError, UsageError } from './cli-error.ts'
import type { CommandContext } from './command-context.ts'
import { commandsFor } from './commands.ts'
import { escapeText } from './escape.ts'
import type { Terminal } from './terminal.ts'

/** Runs one command line (without node and script). Resolves to the exit code: 0 ok, 1 failed, 2 usage. Never rejects. */
export async function run(
  words: readonly string[],
  terminal: Terminal,
  application: () => Promise<Application> = loadApplication,
): Promise<number> {
  let code = 0
  const context: CommandContext = {
    terminal,
    application,
    exitWith: (wanted) => {
      code = wanted
    },
  }
  try {
    const program = await buildProgram(words, context)
    await program.parseAsync([...words], { from: 'user' })
    return code
  } catch (error) {
    return report(error, terminal)
  }
}

async function buildProgram(words: readonly string[], context: CommandContext): Promise<Command> {
  const { terminal } = context
  const program = new Command('acmetap')
    .description(
      'Sits between ACME clients and certificate authorities and keeps a record of every exchange.',
    )
    .version(VERSION, '--version', 'print the version')
    .option(
      '--config <file>',
      'configuration file (or ACMETAP_CONFIG; default ./acmetap.yaml, /etc/acmetap/acmetap.yaml)',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  acmetap config example > acmetap.yaml   begin a configuration\n  acmetap serve                           run the proxy\n  acmetap failures                        what went wrong, and what to do\n  acmetap orders show www.example.com     how one certificate was ordered, step by step',
    )
  for (const make of await commandsFor(words)) program.addCommand(make(context))
  settle(program, terminal)
  return program
}

/** Nothing exits by itself, everything writes to the terminal that was given, and every help names --config. */
function settle(command: Command, terminal: Terminal): void {
  command
    .exitOverride()
    .showHelpAfterError(`Try: ${pathOf(command)} --help`)
    .configureHelp({ ...command.configureHelp(), showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => terminal.write(text),
      writeErr: (text) => terminal.warn(text.replace(/\n$/, '')),
      getOutHelpWidth: () => Math.min(terminal.columns, 120),
      getErrHelpWidth: () => Math.min(terminal.columns, 120),
      outputError: (text, write) => write(text.split('\n').map(escapeText).join('\n')),
    })
  for (const child of command.commands) settle(child, terminal)
}

function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`
}

function report(error: unknown, terminal: Terminal): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  if (error instanceof UsageError) {
    terminal.warn(`error: ${escapeText(error.message)}`)
    return 2
  }
  if (error instanceof ConfigError) {
    for (const problem of error.problems) terminal.warn(escapeText(formatProblem(problem)))
    return 1
  }
  terminal.warn(`error: ${escapeText(messageOf(error))}`)
  if (error instanceof CliError && error.advice !== null) terminal.warn(escapeText(error.advice))
  if (terminal.env.ACMETAP_DEBUG === '1' && error instanceof Error) terminal.warn(error.stack ?? '')
  return 1
}
