import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createAzure } from '../../../src/engine/publishers/azure.ts'
import { dnsProviderContract, openProvider } from '../../contract/dns-provider.contract.ts'
import { CLIENT, startFakeAzure } from '../../support/publishers/azure.ts'

async function open() {
  const fake = await startFakeAzure()
  const values = (name: string) =>
    ((fake.sets.get(name)?.properties.TXTRecords ?? []) as { value: string[] }[]).map(({ value }) =>
      value.join(''),
    )
  return {
    fake,
    create: createAzure,
    settings: {
      tenant: CLIENT.tenant,
      client_id: CLIENT.id,
      client_secret: CLIENT.secret,
      subscription: '33333333-3333-3333-3333-333333333333',
      resource_group: 'dns',
      login: fake.url,
      endpoint: fake.url,
    },
    secrets: ['client_secret'],
    wrong: { client_secret: 'another-secret' },
    texts: values,
    put: (name: string, value: string) =>
      void fake.sets.set(name, {
        etag: `"${value.length} ${performance.now()}"`,
        properties: { TTL: 7200, metadata: { owner: 'somebody' }, TXTRecords: [{ value: [value] }] },
      }),
  }
}

dnsProviderContract('azure', open)

describe('Azure DNS', () => {
  const { signal } = new AbortController()
  let world: Awaited<ReturnType<typeof openProvider<'azure'>>>
  let fake: Awaited<ReturnType<typeof startFakeAzure>>
  beforeEach(async () => {
    world = await openProvider('azure', async () => {
      const opened = await open()
      fake = opened.fake
      return opened
    })
  })
  afterEach(() => world.fake.close())
  const record = (value = 'abc') => ({ name: world.name('www'), value, ttl: 60 })

  it('loses nothing of two writers, and keeps their metadata and TTL', async () => {
    let raced = false
    world.fake.instead = ({ method }) => {
      if (method === 'PUT' && !raced) {
        raced = true
        world.put(record().name, 'faster')
      }
      return null
    }
    await world.make().add(record(), signal)
    expect([...world.texts(record().name)].sort()).toEqual(['abc', 'faster'])
    expect(fake.sets.get(record().name)?.properties).toMatchObject({
      TTL: 7200,
      metadata: { owner: 'somebody' },
    })
  })

  it('deletes only what it has seen', async () => {
    const publisher = world.make()
    await publisher.add(record(), signal)
    world.fake.instead = ({ method }) => {
      if (method === 'DELETE') world.put(record().name, 'faster')
      return null
    }
    await publisher.remove(record(), signal)
    expect(world.texts(record().name)).toEqual(['faster'])
  })

  it('finds a zone that it has a role for where it has none for others', async () => {
    fake.options.forbidden.push('_acme-challenge.www.shop.example.net', 'www.shop.example.net', 'example.net')
    await world.make().add(record(), signal)
    expect(world.texts(record().name)).toEqual(['abc'])
    fake.options.forbidden.push('shop.example.net')
    await expect(world.make().add(record(), signal)).rejects.toThrow(
      /Azure DNS shows no zone that holds the name: give the credentials the right/,
    )
  })

  it('keeps its token, and takes another where that was refused', async () => {
    const publisher = world.make()
    await publisher.add(record('a'), signal)
    await publisher.add(record('b'), signal)
    expect(fake.options.grants).toBe(1)
    fake.options.token = 'another-token'
    await publisher.add(record('c'), signal)
    expect(fake.options.grants).toBe(2)
    expect(world.texts(record().name)).toEqual(['a', 'b', 'c'])
  })

  it('says what the login says, without the secret that it echoes', async () => {
    await expect(world.make(world.wrong).add(record(), signal)).rejects.toThrow(
      /answers 401 to the request of an access token: AADSTS7000215: Invalid client secret provided\. Trace ID: \[secret\] .*\. Check tenant, client_id and client_secret/,
    )
  })
})
