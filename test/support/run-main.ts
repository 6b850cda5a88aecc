import { spawn } from 'node:child_process'
import path from 'node:path'
import { compileCache } from './environment.ts'

const MAIN = path.resolve(import.meta.dirname, '..', '..', 'src', 'main.ts')

export interface Ran {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** Runs `acmetap WORDS` as a process of its own in `folder`, with nothing of this process's environment but the compile cache. */
export function runMain(
  words: readonly string[],
  folder: string,
  env: Record<string, string> = {},
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [MAIN, ...words], {
      cwd: folder,
      env: { HOME: folder, ...compileCache(), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const parts = { out: '', err: '' }
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      parts.out += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      parts.err += text
    })
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, ...parts }))
  })
}
