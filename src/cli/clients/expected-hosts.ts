import { isIP } from 'node:net'
import { parse } from 'csv-parse/sync'
import { readRegularFile } from '../accounts/read-regular-file.ts'
import { CliError, UsageError } from '../cli-error.ts'

export interface ExpectedHost {
  /** As the list has it. */
  readonly host: string
  /** In the form of {@link addressOf}. */
  readonly addresses: readonly string[]
}

const MOST_BYTES = 16 * 1024 * 1024
const HOST_COLUMNS = ['host', 'hostname', 'host_name', 'name', 'fqdn', 'server', 'label']
const ADDRESS_COLUMNS = ['address', 'addresses', 'ip', 'ip_address']

/**
 * The hosts of a list: CSV with a header row, or one a line; `#` begins a comment line. Each comes once. Throws
 * {@link CliError} where the file can't be read and {@link UsageError} where no column holds the hosts.
 */
export async function readExpected(file: string, column?: string): Promise<readonly ExpectedHost[]> {
  const reading = await readRegularFile(file, MOST_BYTES)
  if ('refused' in reading) throw new CliError(`${file}: ${reading.refused}`)
  const rows = rowsOf(reading.bytes.toString('utf8'))
  if (rows === null) throw new CliError(`${file}: not a CSV table and not one host a line`)
  const [first = []] = rows
  const titles = first.map((title) => title.toLowerCase())
  const wanted = column === undefined ? HOST_COLUMNS : [column.trim().toLowerCase()]
  const hostAt = titles.findIndex((title) => wanted.includes(title))
  if (hostAt === -1 && column !== undefined) {
    throw new UsageError(`--column ${JSON.stringify(column)} is not in the first row: ${first.join(', ')}`)
  }
  if (hostAt === -1 && rows.some((row) => row.length > 1)) {
    throw new UsageError(`${file}: which column holds the host? Name it with --column: ${first.join(', ')}`)
  }
  const hasHeader = hostAt !== -1
  const addressAt = hasHeader ? titles.findIndex((title) => ADDRESS_COLUMNS.includes(title)) : -1
  const hosts = new Map<string, ExpectedHost>()
  for (const row of hasHeader ? rows.slice(1) : rows) {
    const host = row[Math.max(hostAt, 0)] ?? ''
    if (host === '' || host.length > 253) continue
    const key = keyOf(host)
    const written = addressAt === -1 ? [] : (row[addressAt] ?? '').split(/[\s,;|]+/)
    const addresses = [host, ...written].map(addressOf).filter((one) => one !== null)
    const before = hosts.get(key)
    hosts.set(key, {
      host: before?.host ?? host,
      addresses: [...new Set([...(before?.addresses ?? []), ...addresses])],
    })
  }
  if (hosts.size === 0) throw new CliError(`${file}: no host in it`)
  return [...hosts.values()]
}

/** What makes two spellings the same host. */
export function keyOf(host: string): string {
  return addressOf(host) ?? host.toLowerCase().replace(/\.$/, '')
}

/** An IP address in one spelling; null where the text is none. */
export function addressOf(text: string): string | null {
  const bare = text.trim().replace(/^\[(.*)\]$/, '$1')
  if (isIP(bare) === 4) return bare
  if (isIP(bare) !== 6 || bare.includes('%')) return null
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare)?.[1]
  return mapped ?? new URL(`http://[${bare}]`).hostname.slice(1, -1)
}

function rowsOf(text: string): readonly (readonly string[])[] | null {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '' && !line.trimStart().startsWith('#'))
  const delimiter = lines[0]?.includes(';') === true && !lines[0].includes(',') ? ';' : ','
  try {
    return parse(lines.join('\n'), { bom: true, delimiter, trim: true, relax_column_count: true })
  } catch {
    return null
  }
}
