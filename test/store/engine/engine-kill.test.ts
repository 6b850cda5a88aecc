import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openEngineStore } from '../../../src/store/sqlite/engine/open-engine-store.ts'

const SCRIPT = join(import.meta.dirname, 'write-until-killed.ts')

test.each(['thread', 'here'] as const)('what resolved (%s) is there after SIGKILL', async (where) => {
  const folder = await mkdtemp(join(tmpdir(), 'acmetap-engine-kill-'))
  for (let round = 0; round < 4; round++) {
    const data = join(folder, String(round))
    const child = spawn(process.execPath, [SCRIPT, data, where], { stdio: ['ignore', 'pipe', 'inherit'] })
    let told = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      told += text
      if (told.split('\n').length > 40 + 13 * round) child.kill('SIGKILL')
    })
    await once(child, 'close')
    const store = await openEngineStore({ folder: data, where: 'here' })
    const jobs = new Map((await store.jobs({ limit: 100_000 })).map((job) => [job.id, job]))
    const kept = new Map((await store.certificates()).map((each) => [each.certificate, each]))
    const lines = told.split('\n').slice(0, -1)
    expect(lines.length).toBeGreaterThan(30)
    const issued = new Set(lines.flatMap((line) => (line.startsWith('issued ') ? [line.slice(7)] : [])))
    for (const line of lines) {
      const [what, n = ''] = line.split(' ')
      const job = jobs.get(`j${n}`)
      expect(job, line).toBeDefined()
      if (what === 'announced') expect(job?.step, line).toMatch(/^finalizing|issued$/)
      if (issued.has(n)) expect(job?.step, line).toBe('issued')
    }
    // A certificate is kept exactly where its job says that it was issued.
    for (const [id, job] of jobs) expect(kept.has(`c${id.slice(1)}`)).toBe(job.step === 'issued')
    await store.close()
  }
  await rm(folder, { recursive: true })
})
