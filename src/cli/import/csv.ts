import { parse } from 'csv-parse/sync'
import { isHostName } from '../../audit/import-certificates.ts'
import type { Config } from '../../config/schema.ts'
import type { Findings } from './findings.ts'
import type { Origin } from './found-certificate.ts'

const CERTIFICATE_COLUMNS = ['pem', 'certificate', 'certificate_pem', 'der']
const YES = /^(?:true|yes|y|1|unmanaged)$/i
const NO = /^(?:false|no|n|0|managed|)$/i

/**
 * A table with a header row. A column holds the certificate, as PEM or as Base64 of its DER: fingerprint, serial number
 * and key are read from it, and no list of names and dates has them. Columns `host`, `unmanaged` and `ca` are optional;
 * others are passed over.
 */
export function readCsv(text: string, from: string, cas: Config['cas'], findings: Findings): void {
  const rows = rowsOf(text)
  if (rows === null) {
    findings.report(`${from}: skipped: not a CSV table`)
    return
  }
  const [header, ...body] = rows
  const columns = new Map((header?.record ?? []).map((title, at) => [title.trim().toLowerCase(), at]))
  const holds = CERTIFICATE_COLUMNS.find((name) => columns.has(name))
  if (holds === undefined) {
    findings.report(
      `${from}: skipped: no column pem or certificate in its first row. A certificate needs its PEM: fingerprint, serial number and key come from it; names and dates are not enough. To compare a list of hosts: acmetap clients --expected`,
    )
    return
  }
  for (const { record, line } of body) {
    const cell = (name: string) => (columns.has(name) ? (record[columns.get(name)!] ?? '').trim() : '')
    const place = `${from}, line ${line}`
    if (record.every((one) => one.trim() === '')) continue
    const certificate = cell(holds)
    if (certificate === '') {
      findings.report(`${place}: left out: nothing in column ${holds}`)
      continue
    }
    if (!YES.test(cell('unmanaged')) && !NO.test(cell('unmanaged'))) {
      findings.report(`${place}: column unmanaged must be true or false; taken as false`)
    }
    const ca = cell('ca')
    if (ca !== '' && !Object.hasOwn(cas, ca)) {
      findings.report(`${place}: column ca names none under cas: ${Object.keys(cas).join(', ')}`)
    }
    const host = cell('host')
    if (host !== '' && !isHostName(host)) {
      findings.report(`${place}: column host must be a name of at most 253 characters; passed over`)
    }
    const origin: Origin = {
      path: place,
      format: 'csv',
      ca: Object.hasOwn(cas, ca) ? ca : null,
      ...(isHostName(host) ? { host } : {}),
      ...(columns.has('unmanaged') ? { unmanaged: YES.test(cell('unmanaged')) } : {}),
    }
    findings.addNeeded(bytesOf(certificate), origin)
  }
}

/** PEM may have its line breaks as they are, as `\n`, or as blanks. */
function bytesOf(cell: string): Buffer {
  if (cell.includes('-----BEGIN')) return Buffer.from(cell.replaceAll('\\n', '\n'), 'latin1')
  return Buffer.from(cell, 'base64')
}

interface Row {
  readonly record: readonly string[]
  /** Of the file, from 1: where the record ends. */
  readonly line: number
}

/** The parser's messages are left out: they quote the text. */
function rowsOf(text: string): readonly Row[] | null {
  const delimiter = /^[^\n]*;/.test(text) && !/^[^\n]*,/.test(text) ? ';' : ','
  try {
    const rows = parse(text, {
      bom: true,
      delimiter,
      info: true,
      relax_column_count: true,
      skip_empty_lines: true,
      max_record_size: 2 * 1024 * 1024,
    }) as unknown as { record: string[]; info: { lines: number } }[]
    return rows.map(({ record, info }) => ({ record, line: info.lines }))
  } catch {
    return null
  }
}
