/**
 * src/cli is the command line: one file per command, each a few lines over the operations. It knows no SQL and
 * decides nothing. Start here.
 */

import { Command, CommanderError } from 'commander'
import { VERSION } from '../app/version.ts'
import { ConfigError, formatProblem } from '../config/config-error.ts'
import { messageOf } from '../exchange/message-of.ts'
import { accountsCommand } from './accounts/command.ts'
import { alertsCommand } from './alerts/command.ts'
import { type Application, loadApplication } from './application.ts'
import { backupCommand } from './backup.ts'
import { caCommand } from './ca.ts'
import { certificatesCommand } from './certificates/command.ts'
import { CliError, UsageError } from './cli-error.ts'
import { clientsCommand } from './clients/command.ts'
import type { CommandContext } from './command-context.ts'
import { configCommand } from './config.ts'
import { demoCommand } from './demo.ts'
import { doctorCommand } from './doctor/command.ts'
import { engineCommand } from './engine/command.ts'
import { enrollCommand } from './enroll/command.ts'
import { escapeText } from './escape.ts'
import { exchangesCommand } from './exchanges/command.ts'
import { exportCommand } from './export.ts'
import { failuresCommand } from './failures/command.ts'
import { forgetCommand } from './forget.ts'
import { importCommand } from './import/command.ts'
import { ordersCommand } from './orders/command.ts'
import { policyCommand } from './policy/command.ts'
import { rebuildCommand } from './rebuild.ts'
import { recordCommand } from './record/command.ts'
import { reissueCommand } from './reissue/command.ts'
import { reportCommand } from './report/command.ts'
import { restoreCommand } from './restore.ts'
import { rootCommand } from './root/command.ts'
import { serveCommand } from './serve.ts'
import { tailCommand } from './tail.ts'
import type { Terminal } from './terminal.ts'
import { tokenCommand } from './token.ts'
import { watchCommand } from './watch/command.ts'

/** Runs one command line (without node and script). Resolves to the exit code: 0 ok, 1 failed, 2 usage. Never rejects. */
export async function run(
  words: readonly string[],
  terminal: Terminal,
  application: () => Promise<Application> = loadApplication,
): Promise<number> {
  let code = 0
  const program = buildProgram({
    terminal,
    application,
    exitWith: (wanted) => {
      code = wanted
    },
  })
  try {
    await program.parseAsync([...words], { from: 'user' })
    return code
  } catch (error) {
    return report(error, terminal)
  }
}

function buildProgram(context: CommandContext): Command {
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
  const commands = [
    serveCommand,
    demoCommand,
    configCommand,
    caCommand,
    rootCommand,
    enrollCommand,
    doctorCommand,
    policyCommand,
    engineCommand,
    reissueCommand,
    alertsCommand,
    watchCommand,
    failuresCommand,
    ordersCommand,
    certificatesCommand,
    accountsCommand,
    clientsCommand,
    exchangesCommand,
    tailCommand,
    importCommand,
    exportCommand,
    reportCommand,
    tokenCommand,
    rebuildCommand,
    recordCommand,
    forgetCommand,
    backupCommand,
    restoreCommand,
  ]
  for (const make of commands) program.addCommand(make(context))
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
