import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { startTestCa } from '../support/test-ca/test-ca.ts'
import { compose, Opened, until } from './composed.ts'

const opened = new Opened()
afterEach(() => opened.close())

const ENDS = new Date(Date.now() + 3 * 86_400_000).toISOString()
const POLICY = `version: 1
mode: enforce
default: deny
rules:
  - name: moving
    when: { names: 'old.example' }
    effect: allow
    expires: ${ENDS}
    owner: web team
  - name: unknown-host
    when: { names: '**.shop.example' }
    effect: deny
    message: 'shops have a CA of their own'
    owner: shop team
  - name: soon-forbidden
    when: { names: '**.lab.example' }
    effect: deny
    mode: warn
    message: 'use lab.internal'
  - name: others
    when: { names: '**.example' }
    effect: allow
  - name: accounts
    when: { operation: newAccount }
    effect: allow
`

test('a policy in force is told: by alerts, in the status, among the failures', async () => {
  const ca = opened.add(await startTestCa())
  const world = opened.add(await compose({ ca: { directory: ca.directory, trust: ca.trust } }))
  await world.settled()
  expect((await world.running.operations.status()).policy).toBeNull()
  const file = join(world.folder, 'policy.yaml')
  await writeFile(file, POLICY)
  await world.addSections({ policy: './policy.yaml' })
  await world.restart()
  expect((await world.running.operations.status()).policy).toMatchObject({ file, mode: 'enforce', rules: 5 })

  const client = await world.client()
  const { newOrder } = await client.discover(
    `https://localhost:${world.port}${new URL(ca.directory).pathname}`,
  )
  await client.newAccount()
  const order = (name: string) => client.post(newOrder, { identifiers: [{ type: 'dns', value: name }] })
  await order('a.lab.example')
  await expect(order('a.shop.example')).rejects.toThrow()
  await expect(order('b.shop.example')).rejects.toThrow()

  const { alerts, inventory } = world.running.operations
  const firing = async () => (await alerts.alerts({ state: 'firing', limit: 20 })).items
  await until(async () => (await firing()).length >= 3)
  const found = (await firing()).toSorted((a, b) => a.rule.localeCompare(b.rule))
  expect(found.map(({ rule, severity }) => [rule, severity])).toEqual([
    ['policy-expiring', 'warning'],
    ['policy-warned', 'warning'],
    ['refused', 'warning'],
  ])
  const [expiring, warned, refused] = found
  expect(expiring).toMatchObject({
    subject: { details: { rule: 'moving', step: 'soon', owner: 'web team' } },
  })
  expect(expiring!.remedy).toContain(`${file}:5`)
  expect(warned).toMatchObject({
    said: expect.stringContaining('use lab.internal'),
    subject: { names: ['a.lab.example'], details: { rule: 'soon-forbidden' } },
  })
  expect(refused).toMatchObject({
    said: expect.stringMatching(/shops have a CA of their own.*ask shop team/),
    subject: { details: { class: 'policy-denied', rule: 'unknown-host' } },
  })

  await until(async () => (await inventory.failures({ limit: 20 })).items.length === 2)
  const failures = (await inventory.failures({ limit: 20 })).items
  expect(failures.map(({ diagnosis, names }) => [diagnosis.class, ...names])).toEqual([
    ['policy-denied', 'b.shop.example'],
    ['policy-denied', 'a.shop.example'],
  ])

  const before = (await world.running.operations.status()).policy
  await writeFile(file, POLICY.replace(`    expires: ${ENDS}\n`, ''))
  expect(await world.running.reload()).toMatchObject({ ok: true })
  const after = (await world.running.operations.status()).policy
  expect(after).toEqual({ ...before, digest: expect.stringMatching(/^[0-9a-f]{64}$/) })
  expect(after?.digest).not.toBe(before?.digest)
})
