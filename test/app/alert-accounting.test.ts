import { request } from 'node:http'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, expect, test } from 'vitest'
import { startReceiver } from '../support/alerts/receiver.ts'
import { startTestCa } from '../support/test-ca/test-ca.ts'
import { compose, everyByte, Opened, until } from './composed.ts'

const opened = new Opened()
afterEach(() => opened.close())

function ask(socketPath: string, method: string, path: string, body?: object): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'content-type': 'application/json' }
    request({ socketPath, path: `/api/v1${path}`, method, headers }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part
      })
      response.on('end', () => resolve(text)).on('error', reject)
    })
      .on('error', reject)
      .end(body === undefined ? undefined : JSON.stringify(body))
  })
}

test('K3, N2: who changes what acmetap connects to or tells is recorded, and forget reaches what was told', async () => {
  const ca = opened.add(await startTestCa())
  const hook = opened.add(await startReceiver())
  const world = opened.add(await compose({ ca: { directory: ca.directory, trust: ca.trust } }))
  await world.addSections({
    alerts: { channels: [{ name: 'ops', webhook: { url: hook.url } }], wait: '0s' },
  })
  await world.restart()
  await world.settled()
  const socket = join(world.data, 'control.sock')

  await ask(socket, 'POST', '/endpoints', { endpoint: '192.0.2.80:443' })
  await ask(socket, 'DELETE', `/endpoints/${encodeURIComponent('192.0.2.80:443')}`)
  await ask(socket, 'POST', '/channels/ops/test')
  await ask(socket, 'POST', '/silences', { label: 'ward-7', until: '12h', reason: 'moves' })

  const client = await world.client()
  const directory = await client.discover(`https://localhost:${world.port}${new URL(ca.directory).pathname}`)
  await client.newAccount()
  const refusal = { type: 'urn:ietf:params:acme:error:rejectedIdentifier', detail: 'no such name' }
  ca.script(
    { operation: 'newOrder', times: 1 },
    { kind: 'answer', status: 403, body: JSON.stringify(refusal) },
  )
  const order = { identifiers: [{ type: 'dns', value: 'www.example.com' }] }
  await expect(client.post(directory.newOrder, order)).rejects.toThrow()
  await until(() => hook.received.some(({ body }) => body.includes('from 127.0.0.1')))

  const record = new Database(join(world.data, 'acmetap.sqlite'), { readonly: true })
  const facts = record.prepare('select text from facts').pluck().all() as string[]
  record.close()
  const events = facts.map((text) => JSON.parse(text) as { event?: string; actor?: { kind: string } })
  expect(events.flatMap(({ event, actor }) => (actor?.kind === 'local' ? [event] : []))).toEqual([
    'endpointAdded',
    'endpointRemoved',
    'channelTested',
    'silenced',
  ])
  // A proxy user in a fact could never be erased.
  expect(facts.join()).not.toContain('ward-7')

  const named = async (text: string) =>
    [...(await everyByte(world.data))].filter(([, bytes]) => bytes.includes(text)).map(([file]) => file)
  expect(await named('from 127.0.0.1')).not.toEqual([])
  await ask(socket, 'POST', '/forget', { value: '127.0.0.1', dry: false })
  await ask(socket, 'POST', '/forget', { value: 'ward-7', dry: false })
  expect(await named('from 127.0.0.1')).toEqual([])
  expect(await named('ward-7')).toEqual([])
  // The desk goes on.
  expect(await ask(socket, 'GET', '/alerts')).toContain('from [forgotten]')
})
