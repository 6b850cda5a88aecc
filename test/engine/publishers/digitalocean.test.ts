import { createDigitalocean } from '../../../src/engine/publishers/digitalocean.ts'
import { readTxt } from '../../../src/engine/publishers/provider/txt-content.ts'
import { dnsProviderContract } from '../../contract/dns-provider.contract.ts'
import { startFakeDigitalocean, TOKEN } from '../../support/publishers/digitalocean.ts'
import { ZONE } from '../../support/publishers/fake-provider.ts'

dnsProviderContract('digitalocean', async () => {
  const fake = await startFakeDigitalocean()
  return {
    fake,
    create: createDigitalocean,
    settings: { token: TOKEN, endpoint: `${fake.url}/v2` },
    secrets: ['token'],
    wrong: { token: 'dop_v1_other' },
    texts: (name) => fake.records.at(ZONE, name).map(({ content }) => readTxt(content)),
    put: (name, value) => void fake.records.add({ zone: ZONE, name, content: value, ttl: 300 }),
  }
})
