import { generateKeyPairSync } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createGoogle } from '../../../src/engine/publishers/google.ts'
import { quoteTxt, readTxt } from '../../../src/engine/publishers/provider/txt-content.ts'
import { dnsProviderContract, openProvider } from '../../contract/dns-provider.contract.ts'
import { json } from '../../support/publishers/fake-provider.ts'
import { startFakeGoogle } from '../../support/publishers/google.ts'

async function open() {
  const fake = await startFakeGoogle()
  const wrong = path.join(fake.folder, 'wrong.json')
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  await writeFile(
    wrong,
    JSON.stringify({ ...fake.account, private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }) }),
  )
  return {
    fake,
    create: createGoogle,
    settings: { credentials: fake.credentials, endpoint: fake.url },
    secrets: [],
    wrong: { credentials: wrong },
    texts: (name: string) => (fake.sets.get(`${name}.`)?.rrdatas ?? []).map(readTxt),
    put: (name: string, value: string) =>
      void fake.sets.set(`${name}.`, { name: `${name}.`, type: 'TXT', ttl: 300, rrdatas: [quoteTxt(value)] }),
  }
}

dnsProviderContract('google', open)

describe('Google Cloud DNS', () => {
  const { signal } = new AbortController()
  let world: Awaited<ReturnType<typeof openProvider<'google'>>>
  let fake: Awaited<ReturnType<typeof startFakeGoogle>>
  beforeEach(async () => {
    world = await openProvider('google', async () => {
      const opened = await open()
      fake = opened.fake
      return opened
    })
  })
  afterEach(() => world.fake.close())
  const record = (value = 'abc') => ({ name: world.name('www'), value, ttl: 60 })

  it('keeps its token, and takes another where that was refused or has ended', async () => {
    const publisher = world.make()
    await publisher.add(record('a'), signal)
    await publisher.add(record('b'), signal)
    expect(fake.options.grants).toBe(1)
    fake.options.token = 'ya29.another'
    await publisher.add(record('c'), signal)
    expect(fake.options.grants).toBe(2)
    fake.options.lasts = 60
    const short = world.make()
    await short.remove(record('a'), signal)
    await short.remove(record('b'), signal)
    // Each of the calls: it never lasts long enough.
    expect(fake.options.grants).toBeGreaterThan(6)
    expect(world.texts(record().name)).toEqual(['c'])
  })

  it('loses nothing of two writers: reads again where somebody was faster', async () => {
    let raced = 0
    world.fake.instead = ({ method, path: at }) => {
      if (method === 'POST' && at.endsWith('/changes') && raced < 2) {
        raced += 1
        world.put(record().name, `faster ${raced}`)
      }
      return null
    }
    await world.make().add(record(), signal)
    expect([...world.texts(record().name)].sort()).toEqual(['abc', 'faster 2'])
    expect(raced).toBe(2)
    world.fake.instead = ({ method, path: at }) => {
      if (method === 'POST' && at.endsWith('/changes') && raced < 3) {
        raced += 1
        world.put(record().name, 'faster 3')
      }
      return null
    }
    await world.make().remove(record(), signal)
    expect(world.texts(record().name)).toEqual(['faster 3'])
  })

  it('gives up where others are always faster', async () => {
    let n = 0
    world.fake.instead = ({ method, path: at }) => {
      if (method === 'POST' && at.endsWith('/changes')) {
        n += 1
        world.put(record().name, `faster ${n}`)
      }
      return null
    }
    await expect(world.make().add(record(), signal)).rejects.toThrow(
      /changed by somebody else 6 times while they were written in zone shop\.example\.net: see what else writes there/,
    )
    expect(world.texts(record().name)).toEqual(['faster 6'])
  })

  it('says what is wrong with its credentials, and shows nothing of them', async () => {
    const cases: readonly (readonly [string, RegExp])[] = [
      ['', /they are no key of a service account/],
      ['{"type":"authorized_user"}', /they are no key of a service account/],
      [JSON.stringify({ ...fake.account, private_key: 'hunter2' }), /private_key is no RSA key/],
      [JSON.stringify({ ...fake.account, token_uri: 'http://127.0.0.1/' }), /no key of a service account/],
      [JSON.stringify({ ...fake.account, project_id: undefined }), /without a project. Write project/],
    ]
    for (const [text, says] of cases) {
      const credentials = path.join(fake.folder, 'odd.json')
      await writeFile(credentials, text)
      expect(() => world.make({ credentials })).toThrow(says)
      expect(() => world.make({ credentials })).not.toThrow(/hunter2/)
    }
    await expect(world.make(world.wrong).add(record(), signal)).rejects.toThrow(
      /answers 400 to the request of an access token: Invalid JWT Signature. \(invalid_grant\)\. Check that the service account/,
    )
  })

  it('leaves a set with a routing policy alone', async () => {
    world.fake.instead = ({ path: at }) =>
      at.endsWith('/rrsets')
        ? json(200, {
            rrsets: [{ name: `${record().name}.`, type: 'TXT', ttl: 60, routingPolicy: { wrr: {} } }],
          })
        : null
    await expect(world.make().add(record(), signal)).rejects.toThrow(
      /with a routing policy at .*: take that policy away/,
    )
  })
})
