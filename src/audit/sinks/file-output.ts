import { constants } from 'node:fs'
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { OutgoingLine, Output } from './output.ts'

export interface FileOptions {
  readonly path: string
  /** Bytes at which a new file is begun. */
  readonly rotate: number
  /** How many old files stay: `path.1` is the youngest. */
  readonly keep: number
}

const LINE_BREAK = 0x0a
const LOOK_BACK = 65_536

/**
 * Appends to a file and syncs it before the lines count as taken. What a crash or a full disk left of a last line
 * is cut off when the file is opened: that line was not taken, so it comes again, whole.
 */
export class FileOutput implements Output {
  readonly #options: FileOptions
  #file: FileHandle | null = null
  #size = 0
  #stale = false

  constructor(options: FileOptions) {
    this.#options = options
  }

  async write(lines: readonly OutgoingLine[]): Promise<void> {
    try {
      let waiting: Buffer[] = []
      let bytes = 0
      let file = await this.#opened()
      for (const { text } of lines) {
        const line = Buffer.from(`${text}\n`)
        const size = this.#size + bytes
        if (size > 0 && size + line.length > this.#options.rotate) {
          await this.#append(file, waiting)
          await this.#rotate()
          file = await this.#opened()
          waiting = []
          bytes = 0
        }
        waiting.push(line)
        bytes += line.length
      }
      await this.#append(file, waiting)
    } catch (error) {
      // What was written of the batch is not known: the next attempt looks at the file again.
      await this.#release().catch(() => undefined)
      throw new Error(`can't write to ${this.#options.path}: ${(error as Error).message}`, { cause: error })
    }
  }

  reopen(): void {
    this.#stale = true
  }

  close(): Promise<void> {
    return this.#release()
  }

  async #append(file: FileHandle, lines: readonly Buffer[]): Promise<void> {
    if (lines.length === 0) return
    const bytes = Buffer.concat(lines)
    await file.appendFile(bytes)
    await file.datasync()
    this.#size += bytes.length
  }

  /** The file under its name: one that was deleted is no place for a line. */
  async #opened(): Promise<FileHandle> {
    if (this.#file && !this.#stale && (await this.#file.stat()).nlink > 0) return this.#file
    this.#stale = false
    await this.#release()
    const { path } = this.#options
    const flags = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT
    this.#file = await open(path, flags, 0o640)
    const { size } = await this.#file.stat()
    const whole = await wholeLines(this.#file, size)
    if (whole < size) await this.#file.truncate(whole)
    this.#size = whole
    if (size === 0) await syncFolder(dirname(path))
    return this.#file
  }

  async #rotate(): Promise<void> {
    const { path, keep } = this.#options
    await this.#release()
    await rm(`${path}.${keep}`, { force: true })
    for (let n = keep - 1; n >= 1; n--) await moveIfThere(`${path}.${n}`, `${path}.${n + 1}`)
    await rename(path, `${path}.1`)
    await syncFolder(dirname(path))
  }

  async #release(): Promise<void> {
    const file = this.#file
    this.#file = null
    await file?.close()
  }
}

/** Bytes up to the last line break. */
async function wholeLines(file: FileHandle, size: number): Promise<number> {
  const part = Buffer.alloc(LOOK_BACK)
  let end = size
  while (end > 0) {
    const start = Math.max(0, end - LOOK_BACK)
    const { bytesRead } = await file.read(part, 0, end - start, start)
    const at = part.subarray(0, bytesRead).lastIndexOf(LINE_BREAK)
    if (at >= 0) return start + at + 1
    end = start
  }
  return 0
}

async function moveIfThere(from: string, to: string): Promise<void> {
  try {
    await rename(from, to)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
