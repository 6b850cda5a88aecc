import { describe, expect, it } from 'vitest'
import { createCloudflare } from '../../../src/engine/publishers/cloudflare.ts'
import { readTxt } from '../../../src/engine/publishers/provider/txt-content.ts'
import { dnsProviderContract, openProvider } from '../../contract/dns-provider.contract.ts'
import { startFakeCloudflare, TOKEN } from '../../support/publishers/cloudflare.ts'
import { json, ZONE } from '../../support/publishers/fake-provider.ts'

async function open() {
  const fake = await startFakeCloudflare()
  return {
    fake,
    create: createCloudflare,
    settings: { token: TOKEN, endpoint: `${fake.url}/client/v4/` },
    secrets: ['token'],
    wrong: { token: 'not-the-token' },
    texts: (name: string) => fake.records.at(ZONE, name).map(({ content }) => readTxt(content)),
    put: (name: string, value: string) =>
      void fake.records.add({ zone: ZONE, name, content: value, ttl: 300 }),
    records: fake.records,
  }
}

dnsProviderContract('cloudflare', open)

describe('Cloudflare', () => {
  const { signal } = new AbortController()

  it('is asked for the zone once, and takes a record that somebody made in between', async () => {
    const world = await openProvider('cloudflare', open)
    const publisher = world.make()
    const record = { name: world.name('www'), value: 'abc', ttl: 1 }
    await publisher.add(record, signal)
    expect(
      world.fake.requests.map(({ method, target }) => `${method} ${target.replace(/[0-9a-f]{32}/, 'ID')}`),
    ).toEqual([
      'GET /client/v4/zones?name=_acme-challenge.www.shop.example.net',
      'GET /client/v4/zones?name=www.shop.example.net',
      'GET /client/v4/zones?name=shop.example.net',
      'GET /client/v4/zones/ID/dns_records?type=TXT&name=_acme-challenge.www.shop.example.net&per_page=1000',
      'POST /client/v4/zones/ID/dns_records',
    ])
    expect(JSON.parse(world.fake.requests.at(-1)!.body)).toEqual({
      type: 'TXT',
      name: '_acme-challenge.www.shop.example.net',
      content: '"abc"',
      ttl: 60,
    })
    world.fake.instead = ({ method }) =>
      method === 'GET' ? json(200, { success: true, errors: [], messages: [], result: [] }) : null
    await publisher.add(record, signal)
    expect(world.texts(record.name)).toEqual(['abc'])
    await world.fake.close()
  })

  it('says which permission a token lacks', async () => {
    const world = await openProvider('cloudflare', open)
    world.fake.instead = ({ method }) =>
      method === 'POST'
        ? json(403, {
            success: false,
            errors: [{ code: 10000, message: 'Authentication error' }],
            result: null,
          })
        : null
    await expect(
      world.make().add({ name: world.name('www'), value: 'abc', ttl: 60 }, signal),
    ).rejects.toThrow(
      'solver cloud for _acme-challenge.www.shop.example.net: Cloudflare answers 403 to the TXT record in zone shop.example.net: Authentication error (10000). Give the token the permissions Zone / Zone / Read and Zone / DNS / Edit for the zone',
    )
    await world.fake.close()
  })
})
