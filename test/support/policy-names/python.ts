import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Opinion, Question, Scope } from './question.ts'

const ORACLE = fileURLToPath(new URL('oracle.py', import.meta.url))
/** Debian's own: the one that has Debian's python3-idna. */
const PYTHON = '/usr/bin/python3'

/** The opinions of the oracle in Python, in order; one process for all. */
export async function pythonOpinions(
  questions: readonly Question[],
  scopes: readonly Scope[],
): Promise<readonly Opinion[]> {
  const child = spawn(PYTHON, ['-I', '-W', 'ignore', ORACLE], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { PYTHONIOENCODING: 'utf-8:surrogatepass', PYTHONUTF8: '1' },
  })
  const ended = once(child, 'close')
  const opinions: Opinion[] = []
  const reading = (async () => {
    for await (const line of createInterface({ input: child.stdout })) opinions.push(JSON.parse(line))
  })()
  child.stdin.on('error', () => undefined)
  child.stdin.write(`${JSON.stringify(scopes)}\n`)
  for (const question of questions) {
    if (!child.stdin.write(`${JSON.stringify(question)}\n`)) {
      await Promise.race([once(child.stdin, 'drain'), ended])
    }
    if (child.exitCode !== null) break
  }
  child.stdin.end()
  const [code] = await ended
  await reading
  if (code !== 0 || opinions.length !== questions.length) {
    throw new Error(`oracle.py ended with ${code} after ${opinions.length} of ${questions.length} answers`)
  }
  return opinions
}
