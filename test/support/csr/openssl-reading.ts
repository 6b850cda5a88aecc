import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** What `openssl req -verify -text` says of a request; null where it can't read it. */
export interface OpensslReading {
  readonly verified: boolean
  /** `dns:one.example.com`, `ip:192.0.2.1`, `other:URI:https://…`: lower case, sorted. */
  readonly names: readonly string[]
  readonly commonNames: readonly string[]
}

const LANES = 2
/** One process a request, but one shell for many. */
const SCRIPT = `
for file in "$@"; do
  openssl req -inform DER -in "$file" -noout -verify -text -nameopt oneline,-esc_msb,utf8,sep_multiline,sname > "$file.txt" 2>&1 || :
done`

/** In the order they came. */
export async function readByOpenssl(requests: readonly Buffer[]): Promise<(OpensslReading | null)[]> {
  const folder = mkdtempSync(join(tmpdir(), 'acmetap-openssl-'))
  try {
    const files = requests.map((der, index) => {
      const file = join(folder, `${index}.der`)
      writeFileSync(file, der)
      return file
    })
    const lanes = Array.from({ length: LANES }, (_, lane) =>
      files.filter((_, index) => index % LANES === lane),
    )
    await Promise.all(
      lanes.map((lane) => promisify(execFile)('sh', ['-c', SCRIPT, 'sh', ...lane], { maxBuffer: 1e8 })),
    )
    return files.map((file) => reading(readFileSync(`${file}.txt`, 'latin1')))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function reading(text: string): OpensslReading | null {
  if (!text.includes('Certificate Request:')) return null
  const lines = text.split('\n')
  const names = lines.flatMap((line, index) =>
    line.includes('X509v3 Subject Alternative Name') ? (lines[index + 1] ?? '').trim().split(', ') : [],
  )
  return {
    verified: /self-signature verify OK|^verify OK/m.test(text),
    names: [...new Set(names.filter((name) => name !== '').map(named))].sort(),
    commonNames: [...text.matchAll(/\bCN ?= ?([^\n,]*)/g)].map(([, value]) => value!.trim()),
  }
}

function named(text: string): string {
  const [, kind, value] = /^(DNS|IP Address):(.*)$/s.exec(text) ?? []
  if (kind === 'DNS') return `dns:${value!.toLowerCase()}`
  if (kind !== 'IP Address') return `other:${text}`
  const host = value!.includes(':') ? URL.parse(`http://[${value}]`)?.hostname.slice(1, -1) : value
  return `ip:${host ?? value}`
}
