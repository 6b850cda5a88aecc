import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createOvh, signOvh } from '../../../src/engine/publishers/ovh.ts'
import { readTxt } from '../../../src/engine/publishers/provider/txt-content.ts'
import { dnsProviderContract, openProvider } from '../../contract/dns-provider.contract.ts'
import { json, ZONE } from '../../support/publishers/fake-provider.ts'
import { KEYS, startFakeOvh } from '../../support/publishers/ovh.ts'

async function open() {
  const fake = await startFakeOvh()
  return {
    fake,
    create: createOvh,
    settings: {
      application_key: KEYS.application,
      application_secret: KEYS.secret,
      consumer_key: KEYS.consumer,
      endpoint: `${fake.url}/1.0`,
    },
    secrets: ['application_secret', 'consumer_key'],
    wrong: { consumer_key: 'another' },
    // Not what was written, but what is served.
    texts: (name: string) => fake.served(name).map(readTxt),
    put: (name: string, value: string) =>
      void fake.records.add({ zone: ZONE, name, content: value, ttl: 300 }),
  }
}

dnsProviderContract('ovh', open)

describe('OVHcloud', () => {
  const { signal } = new AbortController()
  let world: Awaited<ReturnType<typeof openProvider<'ovh'>>>
  let fake: Awaited<ReturnType<typeof startFakeOvh>>
  beforeEach(async () => {
    world = await openProvider('ovh', async () => {
      const opened = await open()
      fake = opened.fake
      return opened
    })
  })
  afterEach(() => world.fake.close())
  const record = () => ({ name: world.name('www'), value: 'abc', ttl: 60 })

  it('signs with both secrets', () => {
    // sha1sum of the text that its guide describes.
    expect(
      signOvh(
        { application: 'a', secret: 'secret', consumer: 'consumer' },
        { method: 'GET', url: 'https://eu.api.ovh.com/1.0/domain', body: '' },
        1366560945,
      ),
    ).toBe('$1$faa55bf86c055d27dd86f10b888c6ca589220676')
  })

  it('asks for the time once, and again where its clock was set', async () => {
    const publisher = world.make()
    await publisher.add(record(), signal)
    fake.clock.ahead = -500
    await publisher.remove(record(), signal)
    expect(fake.requests.filter(({ path }) => path === '/1.0/auth/time')).toHaveLength(2)
    expect(fake.served(record().name)).toEqual([])
  })

  it('brings out what a killed process had written only', async () => {
    fake.records.add({ zone: ZONE, name: record().name, content: '"abc"', ttl: 60 })
    expect(fake.served(record().name)).toEqual([])
    await world.make().add(record(), signal)
    expect(fake.served(record().name)).toEqual(['"abc"'])
  })

  it('passes over zones that the key has no right to, but not over its end', async () => {
    const no = (errorCode: string, message: string) =>
      json(403, { errorCode, httpCode: '403 Forbidden', message })
    world.fake.instead = ({ path }) =>
      path.endsWith(`www.${ZONE}`) ? no('NOT_GRANTED_CALL', 'This call has not been granted') : null
    await world.make().add(record(), signal)
    expect(fake.served(record().name)).toEqual(['"abc"'])
    world.fake.instead = ({ path }) =>
      path.endsWith(`www.${ZONE}`) ? no('INVALID_CREDENTIAL', 'This credential is not valid') : null
    await expect(world.make().add(record(), signal)).rejects.toThrow(
      /answers 403 to the look for zone .*: This credential is not valid \(INVALID_CREDENTIAL\)\. Check application_key/,
    )
  })
})
