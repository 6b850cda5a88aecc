import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openBrokerStore } from '../../../src/store/sqlite/broker/open-broker-store.ts'

const SCRIPT = join(import.meta.dirname, 'write-until-killed.ts')
const OWNER = { endpoint: 'fleet', account: 'a1' }

test.each(['thread', 'here'] as const)('what resolved (%s) is there after SIGKILL', async (where) => {
  const folder = await mkdtemp(join(tmpdir(), 'acmetap-broker-kill-'))
  for (let round = 0; round < 4; round++) {
    const data = join(folder, String(round))
    const child = spawn(process.execPath, [SCRIPT, data, where], { stdio: ['ignore', 'pipe', 'inherit'] })
    let told = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      told += text
      if (told.split('\n').length > 60 + 17 * round) child.kill('SIGKILL')
    })
    await once(child, 'close')
    const store = await openBrokerStore({ folder: data, where: 'here' })
    const lines = told.split('\n').slice(0, -1)
    expect(lines.length).toBeGreaterThan(50)
    const reached = { order: /./, processing: /^(processing|valid)$/, issued: /^valid$/ }
    for (const line of lines) {
      const [what = '', n] = line.split(' ')
      if (what === 'account') expect(await store.account('fleet', `a${n}`), line).not.toBeNull()
      else {
        const order = await store.order(OWNER, `o${n}`)
        expect(order?.status, line).toMatch(reached[what as keyof typeof reached])
        expect(await store.authorization(OWNER, `z${n}`), line).not.toBeNull()
      }
    }
    // A use is counted exactly for each account that is there, and a certificate kept exactly where its order is valid.
    expect((await store.eabKey('k'))?.used).toBe((await store.accounts({ limit: 100_000 })).length)
    for (const { id, status } of await store.orders({ limit: 100_000 })) {
      const certificate = await store.certificate(OWNER, `c${id.slice(1)}`)
      expect(certificate !== null, id).toBe(status === 'valid')
    }
    await store.close()
  }
  await rm(folder, { recursive: true })
})
