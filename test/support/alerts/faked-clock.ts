import { readdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { acmetapMain } from '../acmetap-process.ts'

/** Debian's libfaketime, wherever it is for this kind of machine; null where it is not installed. */
async function library(): Promise<string | null> {
  const lib = '/usr/lib'
  for (const folder of await readdir(lib)) {
    const inside = join(lib, folder, 'faketime')
    const names = await readdir(inside).catch((): string[] => [])
    if (names.includes('libfaketimeMT.so.1')) return join(inside, 'libfaketimeMT.so.1')
  }
  return null
}

export async function reasonWithoutFakedClock(): Promise<string | null> {
  return (await library()) === null ? 'libfaketime is not installed' : null
}

/**
 * The wall clock of one program, which jumps while it runs. Its monotonic clock goes on as it does, and with it all timers:
 * for the program it looks like a clock that somebody sets, or like a machine that slept.
 */
export class FakedClock {
  readonly #file: string
  readonly #library: string
  #offset = 0

  private constructor(file: string, preload: string) {
    this.#file = file
    this.#library = preload
  }

  static async create(folder: string): Promise<FakedClock> {
    const preload = await library()
    if (preload === null) throw new Error('libfaketime is not installed')
    const clock = new FakedClock(join(folder, 'clock'), preload)
    await clock.set(0)
    return clock
  }

  /** What starts acmetap under this clock. */
  get command(): readonly string[] {
    return [
      '/usr/bin/env',
      `LD_PRELOAD=${this.#library}`,
      `FAKETIME_TIMESTAMP_FILE=${this.#file}`,
      'FAKETIME_NO_CACHE=1',
      'FAKETIME_DONT_FAKE_MONOTONIC=1',
      process.execPath,
      acmetapMain() ?? '',
      'serve',
    ]
  }

  now(): number {
    return Date.now() + this.#offset
  }

  /** So many ms from the machine's. */
  async set(offset: number): Promise<void> {
    this.#offset = offset
    // The program reads it at every look at the clock: it must never be half written.
    await writeFile(`${this.#file}.new`, `${offset < 0 ? '-' : '+'}${Math.abs(offset) / 1000}\n`)
    await rename(`${this.#file}.new`, this.#file)
  }

  advance(ms: number): Promise<void> {
    return this.set(this.#offset + ms)
  }
}
