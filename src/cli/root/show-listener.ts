import { X509Certificate } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Config } from '../../config/schema.ts'
import { CliError } from '../cli-error.ts'
import type { CommandContext } from '../command-context.ts'
import { renderFields } from '../render.ts'
import { writeJson } from '../terminal.ts'

/** How a root is shown, whichever it is. */
export interface ShownAs {
  readonly der?: string
  readonly pem?: boolean
  readonly json?: boolean
}

export async function showListenerRoot(
  context: CommandContext,
  config: Config,
  options: ShownAs,
): Promise<void> {
  const { terminal } = context
  const file = join(config.data, 'listener-root.pem')
  const root = read(file)
  const { permittedNames } = await import('./names.ts')
  if (options.der !== undefined) writeDer(context, options.der, root)
  const pem = root.toString()
  const fields = {
    file,
    subject: root.subject,
    names: permittedNames(root).join(', '),
    sha256: root.fingerprint256,
    notBefore: new Date(root.validFrom).toISOString(),
    notAfter: new Date(root.validTo).toISOString(),
  }
  if (options.json === true) return writeJson(terminal, { root: 'listener', ...fields, pem })
  if (options.pem === true) return terminal.write(pem)
  if (config.listeners.acme.certificate !== undefined) {
    terminal.warn('note: listeners.acme.certificate is set, so this root is not in use there')
  }
  const kind = 'listener root, for clients of relays (interception root: acmetap root show --interception)'
  terminal.write(renderFields(terminal, [['root', kind], ...Object.entries(fields)]))
  terminal.write(`\n${pem}`)
}

export function writeDer({ terminal }: CommandContext, name: string, root: X509Certificate): void {
  try {
    writeFileSync(resolve(terminal.folder, name), root.raw)
  } catch (error) {
    throw new CliError(`the DER file cannot be written: ${(error as Error).message}`)
  }
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
