/**
 * `<data>/local-ca/<name>/`, numbered by issuer:
 *
 *   1.pem     key and certificates of an issuer: its own, what lies between, the root. Kept after its time, for its list
 *   2.key     key of a request that nobody has signed yet
 *   current   the number of the issuer that signs
 *   <name>.crl, <name>.2.crl   the last list of each issuer, to be copied
 *
 * Each step is one rename, so a crash leaves the state before it or after it. The server reads and writes lists; everything
 * else is done by the command line, also while the server runs.
 */
import { mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { exposure, removeFile, replaceDurably } from '../../interception/durable-files.ts'
import { LocalCaError } from './local-ca-error.ts'

const KEY_MODE = 0o600
const PUBLIC_MODE = 0o644
/** Folder of all local CAs within the data folder. */
export const LOCAL_CA_FOLDER = 'local-ca'

export class IssuerFiles {
  readonly name: string
  readonly path: string

  /** `data`: the data folder. Nothing is read or made yet. */
  constructor(data: string, name: string) {
    this.name = name
    this.path = join(data, LOCAL_CA_FOLDER, name)
  }

  /** The number of the issuer that signs; null where there is none yet. */
  async current(): Promise<number | null> {
    const text = await readOrNull(join(this.path, 'current'))
    if (text === null) return null
    const number = /^([1-9]\d{0,5})\n?$/.exec(text)?.[1]
    if (number === undefined)
      throw new LocalCaError(`${join(this.path, 'current')} holds no number. Restore it from a backup.`)
    return Number(number)
  }

  async makeCurrent(generation: number): Promise<void> {
    await this.#make()
    await replaceDurably(join(this.path, 'current'), `${generation}\n`, KEY_MODE)
    await removeFile(this.#key(generation))
  }

  /** Numbers of all issuers that have a certificate, ascending. */
  async generations(): Promise<number[]> {
    return await this.#numbers('.pem')
  }

  /** A number that nothing has yet. */
  async nextNumber(): Promise<number> {
    return Math.max(0, ...(await this.#numbers('.pem')), ...(await this.#numbers('.key'))) + 1
  }

  /** Key and certificates. Rejects with LocalCaError where the file is not there, or others may read it. */
  async read(generation: number): Promise<string> {
    return await readKeyFile(this.issuerFile(generation))
  }

  async write(generation: number, text: string): Promise<void> {
    await this.#make()
    await replaceDurably(this.issuerFile(generation), text, KEY_MODE)
  }

  /** The key of the last request that nobody has signed yet. */
  async pending(): Promise<{ readonly generation: number; readonly text: string } | null> {
    const issuers = new Set(await this.generations())
    const generation = (await this.#numbers('.key')).findLast((number) => !issuers.has(number))
    return generation === undefined ? null : { generation, text: await readKeyFile(this.#key(generation)) }
  }

  async writePending(generation: number, text: string): Promise<void> {
    await this.#make()
    await replaceDurably(this.#key(generation), text, KEY_MODE)
  }

  async writeList(generation: number, list: Buffer): Promise<void> {
    await replaceDurably(join(this.path, listName(this.name, generation)), list, PUBLIC_MODE)
  }

  issuerFile(generation: number): string {
    return join(this.path, `${generation}.pem`)
  }

  #key(generation: number): string {
    return join(this.path, `${generation}.key`)
  }

  async #numbers(suffix: string): Promise<number[]> {
    const names = await readdir(this.path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return []
      throw error
    })
    return names
      .filter((name) => name.endsWith(suffix) && /^[1-9]\d{0,5}$/.test(name.slice(0, -suffix.length)))
      .map((name) => Number(name.slice(0, -suffix.length)))
      .sort((a, b) => a - b)
  }

  async #make(): Promise<void> {
    await mkdir(this.path, { recursive: true, mode: 0o700 })
  }
}

/** `internal.crl`, `internal.2.crl`. */
export function listName(name: string, generation: number): string {
  return generation === 1 ? `${name}.crl` : `${name}.${generation}.crl`
}

/** Null for what is no such name. */
export function parseListName(file: string): { readonly name: string; readonly generation: number } | null {
  const [, name, number] = /^([a-z][a-z0-9-]{0,31})(?:\.([2-9]|[1-9]\d{1,5}))?\.crl$/.exec(file) ?? []
  return name === undefined ? null : { name, generation: Number(number ?? 1) }
}

/** Where the list of an issuer is: the number stands before the last `.crl`, or at the end of the path. */
export function listUrl(url: string, generation: number): string {
  if (generation === 1) return url
  const parsed = new URL(url)
  const plain = parsed.pathname.replace(/\.crl$/, '')
  parsed.pathname = `${plain}.${generation}${plain === parsed.pathname ? '' : '.crl'}`
  return parsed.href
}

async function readKeyFile(file: string): Promise<string> {
  const text = await readOrNull(file)
  if (text === null) throw new LocalCaError(`${file} is not there. Restore it from a backup.`)
  const exposed = await exposure(file)
  if (exposed !== null) throw new LocalCaError(exposed)
  return text
}

async function readOrNull(file: string): Promise<string | null> {
  return await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
}
