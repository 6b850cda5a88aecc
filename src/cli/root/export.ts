import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs'
import { resolve } from 'node:path'
import { CliError } from '../cli-error.ts'
import { type CommandContext, command } from '../command-context.ts'
import { writeJson } from '../terminal.ts'
import { look, openAuthorities, summary } from './authorities.ts'

interface ExportOptions {
  readonly next?: boolean
  readonly json?: boolean
}

export function exportCommand(context: CommandContext) {
  return command('export', 'write key and certificates of the interception authority, for another instance', [
    ['root export authority.pem', "then, on the other instance: 'root import --key authority.pem'"],
    ['root export --next next.pem', "what 'root rotate' prepared, before any instance activates it"],
  ])
    .argument('<file>', 'the file to write; it must not exist yet')
    .option('--next', 'the next authority, not the current one')
    .option('--json', 'as JSON')
    .action(async (name: string, options: ExportOptions, self) => {
      const { terminal } = context
      const authorities = await openAuthorities(context, self)
      const { folder } = authorities
      const asNext = options.next === true
      const authority = await look(authorities, () => (asNext ? folder.readNext() : folder.readCurrent()))
      if (authority === null) {
        throw asNext
          ? new CliError('there is no next authority', 'Prepare one: acmetap root rotate')
          : new CliError('there is no interception root yet', 'It is made at the first start: acmetap serve')
      }
      const file = resolve(terminal.folder, name)
      write(file, authority.pem)
      terminal.warn(
        `warning: ${file} holds a PRIVATE KEY. Whoever has it can stand in for ${summary(authority).names.join(', ')} ` +
          'on every client that trusts the root. Carry it over a safe way, and remove it at both ends.',
      )
      if (options.json === true) return writeJson(terminal, { file, ...summary(authority) })
      terminal.write(`${file}: written, mode 0600\n`)
    })
}

function write(file: string, text: string): void {
  try {
    const handle = openSync(file, 'wx', 0o600)
    try {
      writeSync(handle, text)
      fsyncSync(handle)
    } finally {
      closeSync(handle)
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') {
      throw new CliError(`${file} exists already`, 'Choose another name; an export overwrites nothing.')
    }
    throw new CliError(`the file cannot be written: ${(error as Error).message}`)
  }
}
