/** Reads what options of the engine's commands were given. Throws {@link UsageError}. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { domainToASCII } from 'node:url'
import { certificateName, isCertifiable } from '../../api/schemas/engine.ts'
import { closest } from '../../config/keys.ts'
import { CERTIFICATE_KEY_TYPES, type CertificateKeyType } from '../../engine/job.ts'
import { CliError, UsageError } from '../cli-error.ts'
import type { Terminal } from '../terminal.ts'

/** A name that a certificate can be asked for: in lower case, without the final dot, U-labels as A-labels. */
export function certifiableName(text: string): string {
  const wildcard = text.startsWith('*.')
  const bare = (wildcard ? text.slice(2) : text).replace(/\.$/, '')
  const ascii = bare.includes(':') ? bare.toLowerCase() : domainToASCII(bare)
  const name = `${wildcard ? '*.' : ''}${ascii}`
  if (ascii !== '' && isCertifiable(name)) return name
  throw new UsageError(
    `${JSON.stringify(text)} is no name for a certificate: write www.example.com, *.example.com or an IP address`,
  )
}

export function managedName(text: string, option: string): string {
  if (certificateName.safeParse(text).success) return text
  throw new UsageError(
    `${option} ${JSON.stringify(text)} must be 1 to 128 lower-case letters, digits, dots, hyphens or underscores`,
  )
}

export function keyType(text: string): CertificateKeyType {
  const found = CERTIFICATE_KEY_TYPES.find((one) => one === text.toLowerCase())
  if (found !== undefined) return found
  const near = closest(text, CERTIFICATE_KEY_TYPES)
  throw new UsageError(
    `--key-type ${JSON.stringify(text)} is not known: ${near === undefined ? CERTIFICATE_KEY_TYPES.join(', ') : `did you mean ${near}?`}`,
  )
}

/** `ops@example.com` and `mailto:ops@example.com`, as CAs want them. */
export function contacts(given: readonly string[]): string[] {
  return given.map((text) => {
    const url = text.startsWith('mailto:') ? text : `mailto:${text}`
    if (/^mailto:[^\s,?@]+@[^\s,?@]+$/.test(url)) return url
    throw new UsageError(`--contact ${JSON.stringify(text)} must be one mail address`)
  })
}

const MOST_BYTES = 64 << 10

/** A small file of somebody's. Rejects with CliError where it can't be read. */
export function readGiven(terminal: Terminal, name: string): Buffer {
  const file = resolve(terminal.folder, name)
  let bytes: Buffer
  try {
    bytes = readFileSync(file)
  } catch (error) {
    throw new CliError(`${file} can't be read: ${(error as NodeJS.ErrnoException).code ?? 'unknown'}`)
  }
  if (bytes.length > MOST_BYTES) throw new CliError(`${file} is larger than 64 KiB`)
  return bytes
}

/** As PEM, whether it is PEM or DER. `label`: `CERTIFICATE REQUEST`; `other`: a label that means the same. */
export function readPem(terminal: Terminal, name: string, label: string, other = label): string {
  const bytes = readGiven(terminal, name)
  if (bytes[0] === 0x30) {
    const lines = bytes.toString('base64').match(/.{1,64}/g) ?? []
    return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
  }
  const text = bytes.toString('latin1')
  for (const one of [label, other]) {
    const [start, end] = [`-----BEGIN ${one}-----`, `-----END ${one}-----`]
    const [from, to] = [text.indexOf(start), text.indexOf(end)]
    if (from >= 0 && to > from) return `${text.slice(from, to + end.length)}\n`
  }
  throw new CliError(`${resolve(terminal.folder, name)} holds no ${label} in PEM or DER form`)
}

export const collect = (text: string, before: readonly string[] | undefined) => [...(before ?? []), text]
