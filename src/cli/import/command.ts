import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { requireServer } from '../backend.ts'
import { CliError, UsageError } from '../cli-error.ts'
import { type CommandContext, command, configOf } from '../command-context.ts'
import { escapeText } from '../escape.ts'
import { type Column, renderTable } from '../render.ts'
import { type Terminal, writeJson } from '../terminal.ts'
import { relativeTime } from '../time.ts'
import type { FoundCertificate } from './found-certificate.ts'
import type { CertificateFiles } from './read-certificate-files.ts'

interface ImportOptions {
  readonly host?: string
  readonly ca?: string
  readonly unmanaged?: boolean
  readonly history?: boolean
  readonly dryRun?: boolean
  readonly json?: boolean
}

export function importCommand(context: CommandContext) {
  return command(
    'import',
    "put certificates that exist already into the inventory, from clients' own files and others",
    [
      ['import /etc/letsencrypt', 'of certbot; likewise ~/.acme.sh, .lego, /etc/dehydrated, Caddy, uacme'],
      ['import /etc/haproxy/certs --unmanaged', 'any folder with PEM, of clients that take no proxy'],
      ['import - --host web1 < web1.pem', 'from standard input'],
      [
        'import secrets.json --host cluster-a',
        'as kubectl get secrets,issuers,clusterissuers -A -o json prints',
      ],
      ['import certificates.csv --dry-run', 'a table with a column pem; show only'],
    ],
  )
    .addHelpText(
      'after',
      '\nA folder is searched with all below it for files named .pem, .crt, .cer, .cert or .der. Only leaf certificates\nare taken, with what certifies them. Private keys are passed over and never sent.',
    )
    .argument('<path...>', 'folders and files; - is standard input')
    .option('--host <name>', 'the machine they belong to; this one where nothing is said')
    .option('--ca <name>', 'the CA of certificates whose files do not tell it')
    .option('--unmanaged', 'their client takes neither proxy nor root: only imports tell of it')
    .option('--history', 'older certificates of the same name too, where a client keeps them')
    .option('--dry-run', 'show what would be imported; no server is needed')
    .option('--json', 'as JSON')
    .action(async (paths: string[], options: ImportOptions, self) => {
      const { terminal } = context
      const { config } = configOf(context, self)
      checkOptions(options, Object.keys(config.cas))
      const { readCertificateFiles } = await import('./read-certificate-files.ts')
      const files = await readCertificateFiles(
        paths.map((path) => (path === '-' ? path : resolve(terminal.folder, path))),
        {
          config,
          host: options.host ?? hostname(),
          unmanaged: options.unmanaged === true,
          ca: options.ca ?? null,
          history: options.history === true,
          input: standardInput,
        },
      )
      if (files.found.length === 0) {
        for (const problem of files.problems) terminal.warn(escapeText(problem))
        throw new CliError('no leaf certificate was found', 'Point at a folder where a client keeps its own.')
      }
      const sent = options.dryRun === true ? null : await send(context, self, files)
      const problems = [...files.problems, ...(sent?.problems ?? [])]
      for (const problem of problems) terminal.warn(escapeText(problem))
      if (problems.length > 0) context.exitWith(1)
      const found = [...files.found].sort((a, b) => a.notAfter - b.notAfter)
      const expired = found.filter(({ notAfter }) => notAfter < terminal.now()).length
      if (options.json === true) {
        return writeJson(terminal, {
          found: found.map(({ pem: _, ...one }) => ({
            ...one,
            notAfter: new Date(one.notAfter / 1000).toISOString(),
          })),
          added: sent?.added ?? null,
          known: sent?.known ?? null,
          expired,
          leftOut: files.leftOut,
          problems,
        })
      }
      terminal.write(renderTable(terminal, columns(terminal), found.slice(0, MOST_ROWS)))
      if (found.length > MOST_ROWS) {
        terminal.write(`and ${found.length - MOST_ROWS} more, which expire later; all of them: --json\n`)
      }
      terminal.write(`\n${summary(files, sent, expired)}\n`)
    })
}

const MOST_ROWS = 50
const MOST_INPUT = 64 * 1024 * 1024

function checkOptions({ ca, host }: ImportOptions, cas: readonly string[]): void {
  if (ca !== undefined && !cas.includes(ca)) {
    throw new UsageError(`--ca ${JSON.stringify(ca)} is not under cas: ${cas.join(', ')}`)
  }
  if (host !== undefined && !/^[^\p{C}]{1,253}$/u.test(host)) {
    throw new UsageError('--host must be a name of 1 to 253 characters')
  }
}

async function send(
  context: CommandContext,
  self: Parameters<typeof configOf>[1],
  { found }: CertificateFiles,
) {
  const { config } = configOf(context, self)
  const server = await requireServer(config, 'import')
  const { sendCertificates } = await import('./send-certificates.ts')
  return sendCertificates(found, server)
}

/** One byte more than may be is enough to tell that it is too much. */
async function standardInput(): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of process.stdin) {
    chunks.push(chunk as Buffer)
    length += (chunk as Buffer).length
    if (length > MOST_INPUT) break
  }
  const bytes = Buffer.concat(chunks)
  for (const chunk of chunks) chunk.fill(0)
  return bytes
}

const columns = ({ now, colors }: Terminal): readonly Column<FoundCertificate>[] => [
  { title: 'NAMES', text: ({ names }) => namesText(names), gives: true },
  {
    title: 'EXPIRES',
    text: ({ notAfter }) => relativeTime(notAfter, now()),
    paint: (text, { notAfter }) => (notAfter < now() ? colors.red(text) : text),
  },
  { title: 'CA', text: ({ ca }) => ca ?? '-' },
  { title: 'HOST', text: ({ host, unmanaged }) => (unmanaged ? `${host} (unmanaged)` : host), gives: true },
  { title: 'FORMAT', text: ({ format }) => format },
  { title: 'PATH', text: ({ path }) => path, gives: true },
]

function namesText(names: readonly string[]): string {
  const [first = '', ...rest] = names
  return rest.length === 0 ? first : `${first} +${rest.length}`
}

function summary(
  { found, leftOut }: CertificateFiles,
  sent: { readonly added: number; readonly known: number } | null,
  expired: number,
): string {
  const parts = [
    `${found.length} found`,
    ...(sent === null ? ['nothing sent (--dry-run)'] : [`${sent.added} new`, `${sent.known} known before`]),
    ...(expired > 0 ? [`${expired} expired`] : []),
    ...(leftOut.older > 0 ? [`${leftOut.older} older left out (--history takes them)`] : []),
    ...(leftOut.authorities > 0 ? [`${leftOut.authorities} of CAs left out`] : []),
    ...(leftOut.keys > 0 ? [`${leftOut.keys} private key${leftOut.keys === 1 ? '' : 's'} passed over`] : []),
  ]
  return parts.join(', ')
}
