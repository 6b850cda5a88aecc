/** The key that all keys of the engine are sealed under. It never is in the database it protects. */
import { randomBytes } from 'node:crypto'
import { link, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { messageOf } from '../exchange/message-of.ts'
import { exposure, removeFile, writeDurably } from '../interception/durable-files.ts'
import { SEALING_SECRET_BYTES } from './create-sealing.ts'
import { EngineError } from './engine-error.ts'

const KEY_MODE = 0o600
const ASKED_FOR = 'must be 32 bytes, as 64 hex digits or as base64. Make one with: openssl rand -base64 32'

export interface SealingSecretSource {
  readonly secret?: string | undefined
  readonly secret_file?: string | undefined
  /** The data folder. */
  readonly data: string
  /** Whether something is sealed already: then no key is made where there is none, for it would open nothing. */
  readonly isSealed?: () => Promise<boolean>
}

/** Where it lies when the configuration gives none. */
export function sealingSecretFile(data: string): string {
  return join(data, 'engine.key')
}

/**
 * As configured, else of `engine.key` in the data folder, which is made where there is none yet. Rejects with EngineError
 * (`input`) for a text that is no key, for a file that others than its owner may read, and where the file has been lost.
 */
export async function readSealingSecret(source: SealingSecretSource): Promise<Buffer> {
  if (source.secret !== undefined) return parseSealingSecret(source.secret, 'engine.secret')
  if (source.secret_file !== undefined) return await readSealingSecretFile(source.secret_file)
  const file = sealingSecretFile(source.data)
  const kept = await readKept(file)
  if (kept !== null) return kept
  if ((await source.isSealed?.()) === true)
    throw new EngineError(
      'input',
      `there is no key file ${file}, and engine.sqlite or broker.sqlite beside it holds keys that only it can open. Put it back (a backup does not hold it), or configure engine.secret. Where it is lost for good, move engine.sqlite away, and broker.sqlite where EAB keys are in it: accounts, certificates and EAB keys are made anew`,
    )
  await makeKeyFile(file).catch((error: unknown) => {
    throw new EngineError('input', `can't make the key file ${file}: ${messageOf(error)}`)
  })
  return await readSealingSecretFile(file)
}

/** The first line of a file. Rejects with EngineError (`input`). */
export async function readSealingSecretFile(file: string): Promise<Buffer> {
  const kept = await readKept(file)
  if (kept === null)
    throw new EngineError('input', `there is no key file ${file}. Its first line ${ASKED_FOR}`)
  return kept
}

/** Throws EngineError (`input`), which names `where` it stands and never the text. */
export function parseSealingSecret(text: string, where: string): Buffer {
  const written = text.trim()
  if (/^[0-9A-Fa-f]{64}$/.test(written)) return Buffer.from(written, 'hex')
  if (/^[A-Za-z0-9+/_-]{43}=?$/.test(written)) {
    const bytes = Buffer.from(written, 'base64')
    if (bytes.length === SEALING_SECRET_BYTES) return bytes
  }
  throw new EngineError('input', `${where} ${ASKED_FOR}`)
}

/** Another process may be quicker: then its key is the one, so the name is given only where nobody has it. */
async function makeKeyFile(file: string): Promise<void> {
  const draft = `${file}.${randomBytes(6).toString('hex')}`
  await writeDurably(draft, `${randomBytes(SEALING_SECRET_BYTES).toString('base64')}\n`, KEY_MODE)
  try {
    await link(draft, file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    await removeFile(draft)
  }
}

/** Null where there is no file. */
async function readKept(file: string): Promise<Buffer | null> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw new EngineError('input', `can't read the key file ${file}: ${messageOf(error)}`)
  }
  const exposed = await exposure(file)
  if (exposed !== null) throw new EngineError('input', exposed)
  const [line = ''] = text.split(/\r?\n/, 1)
  return parseSealingSecret(line, `the first line of ${file}`)
}
