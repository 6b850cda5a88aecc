import { X509Certificate } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { CliError } from './cli-error.ts'
import { type CommandContext, command, configOf } from './command-context.ts'
import { renderFields } from './render.ts'
import { writeJson } from './terminal.ts'

interface ShowOptions {
  readonly der?: string
  readonly pem?: boolean
  readonly json?: boolean
}

export function rootCommand(context: CommandContext) {
  return command('root', "the root that signed the listener's certificate", [
    ['root show', 'its fingerprint and PEM, to install on clients'],
  ]).addCommand(showCommand(context))
}

function showCommand(context: CommandContext) {
  return command('show', 'show the listener root, which clients must trust', [
    ['root show', 'fingerprint, validity, names and PEM'],
    ['root show --pem > root.pem', 'for SSL_CERT_FILE, REQUESTS_CA_BUNDLE or --cacert'],
    ['root show --der root.der', 'for programs that take DER'],
  ])
    .option('--pem', 'only the PEM')
    .option('--der <file>', 'also write it as DER to this file')
    .option('--json', 'as JSON')
    .action(async (options: ShowOptions, self) => {
      const { terminal } = context
      const { config } = configOf(context, self)
      const file = join(config.data, 'listener-root.pem')
      const root = read(file)
      // The parser takes its time to load, which the other commands should not wait for.
      const { permittedNames } = await import('./root-names.ts')
      if (options.der !== undefined) writeDer(resolve(terminal.folder, options.der), root)
      const pem = root.toString()
      const fields = {
        file,
        subject: root.subject,
        names: permittedNames(root).join(', '),
        sha256: root.fingerprint256,
        notBefore: new Date(root.validFrom).toISOString(),
        notAfter: new Date(root.validTo).toISOString(),
      }
      if (options.json === true) return writeJson(terminal, { ...fields, pem })
      if (options.pem === true) return terminal.write(pem)
      if (config.listeners.acme.certificate !== undefined) {
        terminal.warn('note: listeners.acme.certificate is set, so this root is not in use')
      }
      terminal.write(renderFields(terminal, Object.entries(fields)))
      terminal.write(`\n${pem}`)
    })
}

function read(file: string): X509Certificate {
  try {
    return new X509Certificate(readFileSync(file))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EACCES') {
      throw new CliError(`no right to read ${file}`, 'Run this as the user that runs the server, or as root.')
    }
    if (code === 'ENOENT') {
      throw new CliError(
        `there is no listener root yet: ${file}`,
        'It is made at the first start: acmetap serve',
      )
    }
    throw new CliError(`${file} cannot be read as a certificate: ${(error as Error).message}`)
  }
}

function writeDer(file: string, root: X509Certificate): void {
  try {
    writeFileSync(file, root.raw)
  } catch (error) {
    throw new CliError(`the DER file cannot be written: ${(error as Error).message}`)
  }
}
