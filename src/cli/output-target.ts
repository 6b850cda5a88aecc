import { closeSync, existsSync, fsyncSync, linkSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { CliError } from './cli-error.ts'
import type { Terminal } from './terminal.ts'

export interface Target {
  write(text: string): Promise<void>
  /** `what` there is in it, for people. */
  finish(what: string): void
  /** Leaves nothing behind. */
  discard(): void
}

const CHUNK = 65_536

/**
 * Standard output, or a file that does not exist yet: it appears under its name when it is whole. Throws a {@link CliError}
 * where it can't be written.
 */
export function openTarget(terminal: Terminal, name: string | undefined): Target {
  if (name === undefined) {
    return { write: (text) => toTerminal(terminal, text), finish() {}, discard() {} }
  }
  const file = resolve(terminal.folder, name)
  const partial = `${file}.partial-${process.pid}`
  const sure = <T>(work: () => T): T => {
    try {
      return work()
    } catch (error) {
      throw new CliError(`${file} can't be written: ${(error as Error).message}`)
    }
  }
  refuseExisting(file)
  const descriptor = sure(() => openSync(partial, 'wx', 0o600))
  let waiting = ''
  const flush = () => {
    writeFileSync(descriptor, waiting)
    waiting = ''
  }
  return {
    async write(text) {
      waiting += text
      if (waiting.length >= CHUNK) sure(flush)
    },
    finish(what) {
      sure(flush)
      sure(() => fsyncSync(descriptor))
      closeSync(descriptor)
      refuseExisting(file)
      sure(() => linkSync(partial, file))
      rmSync(partial)
      terminal.warn(`${file}: ${what}`)
    },
    discard() {
      rmSync(partial, { force: true })
    },
  }
}

async function toTerminal(terminal: Terminal, text: string): Promise<void> {
  terminal.write(text)
  await terminal.drained?.()
}

function refuseExisting(file: string): void {
  if (existsSync(file)) throw new CliError(`${file} exists already`, 'Choose another name.')
}
