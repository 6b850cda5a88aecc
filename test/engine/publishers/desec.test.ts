import { expect, it } from 'vitest'
import { createDesec } from '../../../src/engine/publishers/desec.ts'
import { quoteTxt, readTxt } from '../../../src/engine/publishers/provider/txt-content.ts'
import { dnsProviderContract, openProvider } from '../../contract/dns-provider.contract.ts'
import { startFakeDesec, TOKEN } from '../../support/publishers/desec.ts'

async function open() {
  const fake = await startFakeDesec()
  return {
    fake,
    create: createDesec,
    settings: { token: TOKEN, endpoint: `${fake.url}/api/v1` },
    secrets: ['token'],
    wrong: { token: 'another' },
    texts: (name: string) => (fake.sets.get(name)?.records ?? []).map(readTxt),
    put: (name: string, value: string) => void fake.sets.set(name, { ttl: 7200, records: [quoteTxt(value)] }),
  }
}

dnsProviderContract('desec', open)

it('deSEC: takes three calls, and no TTL below what the domain allows', async () => {
  const world = await openProvider('desec', open)
  const name = world.name('www')
  await world.make().add({ name, value: 'abc', ttl: 60 }, new AbortController().signal)
  expect(world.fake.requests.map(({ method, target }) => `${method} ${target}`)).toEqual([
    `GET /api/v1/domains/?owns_qname=${name}`,
    'GET /api/v1/domains/shop.example.net/rrsets/_acme-challenge.www/TXT/',
    'PUT /api/v1/domains/shop.example.net/rrsets/',
  ])
  expect(JSON.parse(world.fake.requests[2]!.body)).toEqual([
    { subname: '_acme-challenge.www', type: 'TXT', ttl: 3600, records: ['"abc"'] },
  ])
  await world.fake.close()
})
