import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createHetzner } from '../../../src/engine/publishers/hetzner.ts'
import { quoteTxt, readTxt } from '../../../src/engine/publishers/provider/txt-content.ts'
import {
  type DnsProviderWorld,
  dnsProviderContract,
  openProvider,
} from '../../contract/dns-provider.contract.ts'
import { json, ZONE } from '../../support/publishers/fake-provider.ts'
import { TOKEN as CLOUD_TOKEN, startFakeHetznerCloud } from '../../support/publishers/hetzner-cloud.ts'
import { startFakeHetznerDns, TOKEN } from '../../support/publishers/hetzner-dns.ts'

async function openCloud() {
  const fake = await startFakeHetznerCloud()
  return {
    fake,
    create: createHetzner,
    settings: { token: CLOUD_TOKEN, endpoint: `${fake.url}/v1` },
    secrets: ['token'],
    wrong: { token: 'another' },
    texts: (name: string) => (fake.sets.get(`${ZONE} ${name}`)?.values ?? []).map(readTxt),
    put: (name: string, value: string) =>
      void fake.sets.set(`${ZONE} ${name}`, { ttl: 7200, values: [quoteTxt(value)] }),
  }
}

dnsProviderContract('hetzner', openCloud)

dnsProviderContract('hetzner', async () => {
  const fake = await startFakeHetznerDns()
  return {
    fake,
    create: createHetzner,
    settings: { api: 'dns', token: TOKEN, endpoint: `${fake.url}/api/v1` },
    secrets: ['token'],
    wrong: { token: 'another' },
    texts: (name) => fake.records.at(ZONE, name).map(({ content }) => readTxt(content)),
    put: (name, value) => void fake.records.add({ zone: ZONE, name, content: value, ttl: 300 }),
  }
})

describe('Hetzner Cloud', () => {
  const { signal } = new AbortController()
  let world: DnsProviderWorld<'hetzner'>
  beforeEach(async () => {
    world = await openProvider('hetzner', openCloud)
  })
  afterEach(() => world.fake.close())
  const record = () => ({ name: world.name('www'), value: 'abc', ttl: 60 })

  it('says why an action was given up', async () => {
    world.fake.instead = ({ path }) =>
      path.includes('/actions/') && !path.includes('rrsets')
        ? json(200, {
            action: { id: 0, status: 'error', error: { code: 'action_failed', message: 'Action failed' } },
          })
        : null
    await expect(world.make().add(record(), signal)).rejects.toThrow(
      'Hetzner Cloud gave up add_records in zone shop.example.net: Action failed (action_failed). Look at the zone in its console',
    )
  })

  it('gives up an action that never ends', async () => {
    world.fake.instead = ({ path }) =>
      /^\/v1\/actions\//.test(path) ? json(200, { action: { id: 0, status: 'running', error: null } }) : null
    await expect(world.make().add(record(), signal)).rejects.toThrow(
      /has not finished add_records .* after 5 minutes/,
    )
    expect(world.waits.length).toBeLessThan(80)
  })

  it('does not write to a secondary zone', async () => {
    world.fake.instead = ({ path }) =>
      path === `/v1/zones/${ZONE}` ? json(200, { zone: { id: 1, name: ZONE, mode: 'secondary' } }) : null
    await expect(world.make().add(record(), signal)).rejects.toThrow(/as a secondary only: name a solver/)
  })
})
