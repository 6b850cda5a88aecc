import type { Config } from '../../config/schema.ts'
import { readCsv } from './csv.ts'
import type { Findings } from './findings.ts'
import { readKubernetes } from './kubernetes.ts'

/** Reads a file that was named, or standard input, by what is in it: Kubernetes JSON, PEM, DER or CSV. */
export function readContent(
  bytes: Buffer,
  from: string,
  { cas }: Pick<Config, 'cas'>,
  findings: Findings,
): void {
  const start = bytes
    .toString('latin1', 0, 64)
    .replace(/^\u00ef\u00bb\u00bf/, '')
    .trimStart()
  if (/^[[{]/.test(start)) {
    const value = parse(bytes)
    bytes.fill(0)
    if (value === undefined) findings.report(`${from}: skipped: not JSON; the file may be cut off`)
    else readKubernetes(value, from, cas, findings)
    return
  }
  const isPem = bytes.includes('-----BEGIN ')
  if (isPem && !hasHeader(bytes)) findings.addNeeded(bytes, { path: from, format: 'pem' })
  else if (bytes[0] === 0x30) findings.addNeeded(bytes, { path: from, format: 'pem' })
  else {
    const text = bytes.toString('utf8')
    bytes.fill(0)
    readCsv(text, from, cas, findings)
  }
}

/** Whether it begins as a table of which a column holds PEM. */
function hasHeader(bytes: Buffer): boolean {
  const line = bytes.toString('utf8', 0, Math.min(bytes.length, 4096)).split(/\r?\n/, 1)[0]!
  return (
    !line.includes('-----') &&
    line.split(/[,;]/).some((title) => /^\W*(?:pem|certificate(?:_pem)?)\W*$/i.test(title))
  )
}

/** A parser's own message quotes the text, which holds private keys: it goes no further. */
function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8').replace(/^\ufeff/, ''))
  } catch {
    return undefined
  }
}
