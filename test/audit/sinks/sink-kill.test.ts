import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFile, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openSqliteReader } from '../../../src/store/sqlite/open.ts'

const KILLS = 20

let folder: string
const children = new Set<ChildProcess>()
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sink-kill-'))
})
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL')
  await rm(folder, { recursive: true })
})

const SCRIPT = fileURLToPath(new URL('./sink-until-killed.ts', import.meta.url))

test(`${KILLS} SIGKILLs: every outcome is in the file at least once, and every line is whole`, async () => {
  const acknowledged = new Set<string>()
  for (let n = 0; n < KILLS; n++) {
    const child = spawn(process.execPath, [SCRIPT, folder], { stdio: ['ignore', 'pipe', 'inherit'] })
    const exited = once(child, 'exit')
    children.add(child)
    const lines = createInterface({ input: child.stdout })
    const closed = once(lines, 'close')
    const ready = Promise.withResolvers<void>()
    lines.on('line', (line) => {
      if (line === 'ready') ready.resolve()
      else acknowledged.add(line.split(' ')[1] ?? '')
    })
    await Promise.race([ready.promise, exited.then(() => Promise.reject(new Error('ended too early')))])
    await sleep(10 + Math.random() * 120)
    // The last run sends what all others left.
    if (n === KILLS - 1) {
      const wanted = [...acknowledged]
      await expect.poll(() => everySent(wanted), { timeout: 60_000 }).toBe(true)
    }
    child.kill('SIGKILL')
    await exited
    await closed
    // What a power cut can leave of a last line.
    if (n % 3 === 0 && n < KILLS - 1) await appendFile(join(folder, 'audit.json'), '{"version":1,"half')
  }
  expect(acknowledged.size).toBeGreaterThan(KILLS)
  const lines = await allLines()
  const sent = new Map(lines.map(({ exchange, sent }) => [exchange, sent.line]))
  // Numbers without gaps, one for each exchange however often it was sent.
  expect([...new Set(lines.map(({ sent }) => sent.line))]).toEqual(
    lines.length === 0 ? [] : range(Math.max(...sent.values())),
  )
  const reached = Math.max(...lines.map(({ sequence }) => sequence.outcome))
  const reader = openSqliteReader(folder)
  let after = 0
  while (after < reached) {
    const ended = await reader.outcomesAfter(after, 1000)
    for (const { sequence, exchange } of ended) {
      if (sequence <= reached) expect(sent.get(exchange.id)).toBeDefined()
    }
    after = ended.at(-1)!.sequence
  }
  await reader.close()
}, 240_000)

interface SentLine {
  readonly exchange: string
  readonly sequence: { readonly outcome: number }
  readonly sent: { readonly line: number }
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n + 1)
}

async function everySent(wanted: readonly string[]): Promise<boolean> {
  const sent = new Set((await allLines()).map(({ exchange }) => exchange))
  return wanted.every((id) => sent.has(id))
}

async function allLines(): Promise<SentLine[]> {
  const names = (await readdir(folder)).filter((name) => name.startsWith('audit.json'))
  names.sort((a, b) => Number(b.split('.')[2] ?? 0) - Number(a.split('.')[2] ?? 0))
  const text = (await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')))).join('')
  // While the process runs the last line may be on its way.
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
}
