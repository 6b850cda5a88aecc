import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { cleanEnvironment } from '../../../src/cli/demo/child.ts'
import { createCloudflare } from '../../../src/engine/publishers/cloudflare.ts'
import { createDigitalocean } from '../../../src/engine/publishers/digitalocean.ts'
import { createHetzner } from '../../../src/engine/publishers/hetzner.ts'
import { readTxt } from '../../../src/engine/publishers/provider/txt-content.ts'
import { openProvider } from '../../contract/dns-provider.contract.ts'
import { TOKEN as CLOUDFLARE, startFakeCloudflare } from '../../support/publishers/cloudflare.ts'
import { TOKEN as DIGITALOCEAN, startFakeDigitalocean } from '../../support/publishers/digitalocean.ts'
import { type FakeProvider, type FakeRecords, ZONE } from '../../support/publishers/fake-provider.ts'
import { TOKEN as HETZNER, startFakeHetznerDns } from '../../support/publishers/hetzner-dns.ts'
import { hasPythonModule } from '../../support/python-module.ts'

const SCRIPT = `
import sys, importlib
from lexicon.config import ConfigResolver
kind, endpoint, token, zone, name, action, content = sys.argv[1:]
config = ConfigResolver().with_dict({'provider_name': kind, 'action': action, 'domain': zone, 'type': 'TXT', 'ttl': 120, kind: {'auth_token': token}})
provider = importlib.import_module('lexicon.providers.' + kind).Provider(config)
provider.api_endpoint = endpoint
provider.authenticate()
getattr(provider, action + '_record')(**({'rtype': 'TXT', 'name': name, 'content': content}))
`

/** A client that others wrote for the real ones: what it takes for real, we work with, at the same name. */
const CASES = [
  {
    kind: 'cloudflare',
    start: startFakeCloudflare,
    base: '/client/v4',
    token: CLOUDFLARE,
    settings: {},
    create: createCloudflare,
  },
  {
    kind: 'digitalocean',
    start: startFakeDigitalocean,
    base: '/v2',
    token: DIGITALOCEAN,
    settings: {},
    create: createDigitalocean,
  },
  {
    kind: 'hetzner',
    start: startFakeHetznerDns,
    base: '/api/v1',
    token: HETZNER,
    settings: { api: 'dns' },
    create: createHetzner,
  },
] as const

it.skipIf(!hasPythonModule('lexicon')).each(CASES)(
  'shares a name with lexicon at $kind',
  async ({ kind, start, base, token, settings, create }) => {
    const fake: FakeProvider & { readonly records: FakeRecords } = await start()
    const world = await openProvider<'cloudflare'>(kind as 'cloudflare', async () => ({
      fake,
      create: create as typeof createCloudflare,
      settings: { token, endpoint: `${fake.url}${base}`, ...settings },
      secrets: [],
      wrong: {},
      texts: (name) => fake.records.at(ZONE, name).map(({ content }) => readTxt(content)),
      put: () => {},
    }))
    const { signal } = new AbortController()
    const record = { name: world.name('www'), value: 'ours', ttl: 60 }
    const lexicon = (action: 'create' | 'delete') =>
      promisify(execFile)(
        '/usr/bin/python3',
        ['-c', SCRIPT, kind, `${fake.url}${base}`, token, ZONE, record.name, action, 'theirs'],
        { env: { ...cleanEnvironment(fake.folder, {}), REQUESTS_CA_BUNDLE: fake.root }, timeout: 60_000 },
      )
    const texts = () => [...world.texts(record.name)].sort()
    await world.make().add(record, signal)
    await lexicon('create')
    expect(texts()).toEqual(['ours', 'theirs'])
    await world.make().remove(record, signal)
    expect(texts()).toEqual(['theirs'])
    await world.make().add(record, signal)
    await lexicon('delete')
    expect(texts()).toEqual(['ours'])
    await world.make().remove(record, signal)
    expect(texts()).toEqual([])
    await fake.close()
    expect(fake.complaints).toEqual([])
  },
  120_000,
)
