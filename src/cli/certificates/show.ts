import { certificateFilter, type InventoriedCertificate } from '../../audit/inventory/certificate.ts'
import type { InventoryReader } from '../../audit/inventory/inventory-reader.ts'
import { CliError, UsageError } from '../cli-error.ts'
import { type CommandContext, command } from '../command-context.ts'
import { readFilters } from '../lists/filter-options.ts'
import { findFirst } from '../lists/follow-pages.ts'
import { found } from '../lists/found.ts'
import { addPlace, type PlaceOptions, withPlace } from '../places.ts'
import { writeJson } from '../terminal.ts'
import { renderCertificate } from './render-certificate.ts'

interface ShowOptions extends PlaceOptions {
  readonly pem?: boolean
  readonly json?: boolean
}

export function showCertificateCommand(context: CommandContext) {
  const show = command('show', 'show one certificate: what is in it, who has it, what came after it', [
    ['certificates show www.example.com', 'the newest for this name'],
    ['certificates show 03:f2:1a:…', 'by its serial number or its SHA-256 fingerprint'],
    ['certificates show www.example.com --pem > chain.pem', 'itself, with what came with it'],
  ])
  return addPlace(show)
    .argument('<fingerprint|serial|name>', 'which certificate; of a name the newest')
    .option('--pem', 'the certificate and its chain as PEM, instead of what is in it')
    .option('--json', 'as JSON')
    .action(async (words: string, options: ShowOptions, self) => {
      const { terminal } = context
      if (options.pem === true && options.json === true)
        throw new UsageError('--pem and --json exclude one another')
      const shown = await withPlace(context, self, options, async ({ operations: { inventory } }) => {
        const certificate = await findCertificate(inventory, words, terminal.now())
        if (certificate === null || options.pem !== true) return { certificate, pem: null }
        return { certificate, pem: await inventory.certificatePem(certificate.fingerprint) }
      })
      const { pem } = shown
      const certificate = found(shown.certificate, 'certificate', words)
      if (options.json === true) return writeJson(terminal, certificate)
      if (options.pem !== true) return terminal.write(renderCertificate(terminal, certificate))
      if (pem === null) throw new CliError(`the text of certificate ${certificate.fingerprint} is not kept`)
      terminal.write(pem.endsWith('\n') ? pem : `${pem}\n`)
    })
}

async function findCertificate(
  inventory: InventoryReader,
  words: string,
  now: number,
): Promise<InventoriedCertificate | null> {
  if (/^[0-9a-f:]{1,95}$/i.test(words)) {
    const hex = words.replaceAll(':', '').toLowerCase()
    const id = hex.length === 64 ? hex : hex.replace(/^0+(?=.)/, '')
    const found = id === '' ? null : await inventory.certificate(id)
    if (found !== null) return found
    if (words.includes(':')) return null
  }
  const filter = readFilters(certificateFilter, { name: words }, now)
  return findFirst(
    (page) => inventory.certificates({ ...filter, ...page, limit: 1 }),
    () => true,
  )
}
