import { afterEach, expect, test } from 'vitest'
import { httpsTransport, TestAcmeClient } from '../support/acme-client.ts'
import { startTestCa } from '../support/test-ca/test-ca.ts'
import { compose, Opened } from './composed.ts'

const opened = new Opened()
afterEach(() => opened.close())

async function openWorld() {
  const ca = opened.add(await startTestCa())
  const world = opened.add(await compose({ ca: { directory: ca.directory, trust: ca.trust } }))
  await world.settled()
  const client = await world.client()
  await client.discover(`https://localhost:${world.port}${new URL(ca.directory).pathname}`)
  const verdictOf = async (exchange: string | null) =>
    (await world.running.operations.exchange(exchange ?? ''))?.intent.jws?.verdict
  return { ca, world, client, verdictOf }
}

test('the account of a client that was there before acmetap is verified after its key is imported', async () => {
  const { ca, world, client, verdictOf } = await openWorld()
  // Made past acmetap: the CA is called directly, under the relay's name.
  const direct = opened.add(httpsTransport(ca.trust))
  const before = new TestAcmeClient(
    {
      send: (method, url, body, fields) =>
        direct.send(method, url.replace(`:${world.port}/`, `:${ca.port}/`), body, {
          ...fields,
          Host: `localhost:${world.port}`,
        }),
      close: () => undefined,
    },
    client.key,
  )
  await before.discover(`https://localhost:${world.port}${new URL(ca.directory).pathname}`)
  await before.newAccount()
  client.account = before.account
  const order = { identifiers: [{ type: 'dns', value: 'old.example' }] }
  const newOrder = client.directory?.newOrder ?? ''
  expect(await verdictOf((await client.post(newOrder, order)).exchange)).toBe('keyUnknown')

  const { jwk, thumbprint } = client.key
  const imported = { ca: 'ca', account: client.account ?? '', jwk, thumbprint, source: 'import' as const }
  expect(await world.running.operations.importAccounts([imported])).toEqual({ added: 1, known: 0 })
  expect(await world.running.operations.importAccounts([imported])).toEqual({ added: 0, known: 1 })
  expect(await verdictOf((await client.post(newOrder, order)).exchange)).toBe('verified')
  await world.restart()
  expect(await verdictOf((await client.post(newOrder, order)).exchange)).toBe('verified')
})

test('keyChange moves the key: the new one is verified, the old one is not', async () => {
  const { world, client, verdictOf } = await openWorld()
  await client.newAccount()
  const old = client.key
  const change = await client.changeKey()
  expect(await verdictOf(change.exchange)).toBe('verified')
  const url = client.directory?.newOrder ?? ''
  const order = { identifiers: [{ type: 'dns', value: 'a.example' }] }
  expect(await verdictOf((await client.post(url, order)).exchange)).toBe('verified')
  const accounts = await world.running.operations.accounts()
  expect(accounts).toMatchObject([{ account: client.account, source: 'keyChange' }])
  client.key = old
  await expect(client.post(url, order)).rejects.toThrow()
  expect(await verdictOf(client.answers.at(-1)?.exchange ?? null)).toBe('invalid')
})

test('a failed newAccount and a failed keyChange teach nothing', async () => {
  const { ca, world, client, verdictOf } = await openWorld()
  ca.script(
    { operation: 'newAccount', times: 1 },
    {
      kind: 'answer',
      status: 400,
      fields: [['Location', `https://localhost:${world.port}/stolen`]],
      body: '{"type":"urn:ietf:params:acme:error:malformed"}',
    },
  )
  await expect(client.newAccount()).rejects.toThrow()
  expect(await world.running.operations.accounts()).toEqual([])
  await client.newAccount()
  const key = client.key
  ca.script({ operation: 'keyChange', times: 1 }, { kind: 'problem', type: 'unauthorized', status: 401 })
  await expect(client.changeKey()).rejects.toThrow()
  client.key = key
  const answer = await client.post(client.directory?.newOrder ?? '', {
    identifiers: [{ type: 'dns', value: 'a.example' }],
  })
  expect(await verdictOf(answer.exchange)).toBe('verified')
  expect(await world.running.operations.accounts()).toMatchObject([
    { thumbprint: key.thumbprint, source: 'newAccount' },
  ])
})
