import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { AuthorityFolder } from '../../src/interception/authority-folder.ts'
import { Issuer } from '../../src/interception/issuer.ts'
import { startProcess } from '../support/child-process.ts'

const ROUNDS = 12

test(`killed ${ROUNDS} times while it rotates: each next start finds a whole authority and issues`, async () => {
  const data = await mkdtemp(join(tmpdir(), 'acmetap-kill-'))
  const names = { dns: ['acme.test'], ips: [] }
  const start = () =>
    Issuer.open(
      data,
      names,
      () => new Date(),
      () => undefined,
    )
  try {
    await start()
    const signers = new Set<string>()
    for (let round = 0; round < ROUNDS; round += 1) {
      const rotating = startProcess(process.execPath, [
        join(import.meta.dirname, 'rotate-until-killed-process.ts'),
        data,
      ])
      const steps = 1 + (round % 6)
      while (rotating.output().length < steps) await once(rotating.child.stdout!, 'data')
      await sleep(Math.random() * 15)
      await rotating.stop('SIGKILL')
      const issuer = await start()
      await issuer.contextFor('acme.test')
      const folder = new AuthorityFolder(data)
      const current = (await folder.readCurrent())!
      signers.add(current.fingerprint)
      expect(issuer.rootsPem().startsWith(current.root)).toBe(true)
      expect((await folder.readNext())?.fingerprint).not.toBe(current.fingerprint)
      for (const name of (await readdir(folder.previous)).filter((one) => one.endsWith('.pem'))) {
        expect(await readFile(join(folder.previous, name), 'utf8')).toMatch(/END CERTIFICATE-----\n$/)
      }
    }
    expect(signers.size).toBeGreaterThan(1)
  } finally {
    await rm(data, { recursive: true, force: true })
  }
}, 60_000)
