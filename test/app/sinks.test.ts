import { once } from 'node:events'
import { readFile, rename } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { tcpReceiver } from '../audit/sinks/syslog-receiver.ts'
import { freePort } from '../support/child-process.ts'
import { startTestCa } from '../support/test-ca/test-ca.ts'
import { compose, Opened } from './composed.ts'

const opened = new Opened()
afterEach(() => opened.close())

test('a whole issuance reaches every sink that lives; dead ones hold up nothing and lose nothing', async () => {
  const ca = opened.add(await startTestCa())
  const receiver = opened.add(await tcpReceiver(null))
  // Takes connections and never reads a byte.
  const silent = createServer((socket) => socket.pause().on('error', () => undefined)).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  opened.add({ close: () => silent.close() })
  const dead = await freePort()
  const to = (port: number) => ({ url: `tcp://127.0.0.1:${port}` })
  const sections = {
    instance: 'tap-1',
    sinks: [
      { name: 'amp', format: 'amp', from: 'start', file: { path: './amp.json' } },
      { name: 'logs', format: 'json', from: 'start', syslog: to(receiver.port) },
      { name: 'dead', format: 'amp+', from: 'start', syslog: to(dead) },
      { name: 'silent', from: 'start', syslog: to((silent.address() as AddressInfo).port) },
    ],
  }
  const world = opened.add(await compose({ ca: { directory: ca.directory, trust: ca.trust } }, { sections }))
  await world.settled()
  const client = await world.client()
  await client.discover(`https://localhost:${world.port}${new URL(ca.directory).pathname}`)
  await client.newAccount()
  await client.issue(['one.example'])

  const ids = async () => (await world.running.operations.exchanges({}, 1000)).map(({ id }) => id).sort()
  const messages = () => receiver.messages.map((message) => JSON.parse(message.slice(message.indexOf('{'))))
  await expect
    .poll(async () =>
      messages()
        .map(({ exchange }) => exchange)
        .sort(),
    )
    .toEqual(await ids())
  expect(new Set(messages().map(({ instance }) => instance))).toEqual(new Set(['tap-1']))

  const amp = async (name = 'amp.json') =>
    (await readFile(join(world.folder, name), 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
  await expect.poll(async () => (await amp()).map(({ msg }) => msg)).toContain('final')
  const lines = await amp()
  expect(lines.map(({ id }) => id)).toEqual(lines.map((_, n) => n + 1))
  expect(new Set(lines.map(({ params }) => params.server))).toEqual(new Set(['localhost']))
  const ordered = lines.find(({ msg }) => msg === 'new-order').params
  expect(ordered).toMatchObject({ domains: [{ type: 'dns', value: 'one.example' }], code: 201 })
  expect(ordered.authz).toHaveLength(1)

  await rename(join(world.folder, 'amp.json'), join(world.folder, 'amp.old'))
  expect((await world.running.reload()).ok).toBe(true)
  await client.issue(['two.example'])
  await expect.poll(async () => (await amp().catch(() => [])).map(({ msg }) => msg)).toContain('final')
  expect((await amp('amp.old')).length + 1).toBe((await amp())[0].id)

  const status = await world.running.operations.status()
  const of = (name: string) => status.sinks.find((one) => one.name === name)!
  expect(of('dead').lastError).toBe(
    `can't send to tcp://127.0.0.1:${dead}: connect ECONNREFUSED 127.0.0.1:${dead}`,
  )
  expect(of('dead').backlog).toBe((await ids()).length)

  // Someone listens there at last, and hears of everything.
  await world.running.close()
  const heir = opened.add(await tcpReceiver(null, dead))
  await world.restart()
  await expect.poll(() => heir.messages.filter((message) => message.includes('"msg":"final"')).length).toBe(2)
})
