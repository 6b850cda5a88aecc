import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { cleanEnvironment } from '../../../src/cli/demo/child.ts'
import { quoteTxt, readTxt } from '../../../src/engine/publishers/provider/txt-content.ts'
import { createRoute53 } from '../../../src/engine/publishers/route53.ts'
import { dnsProviderContract, openProvider } from '../../contract/dns-provider.contract.ts'
import { ZONE } from '../../support/publishers/fake-provider.ts'
import { KEY, startFakeRoute53 } from '../../support/publishers/route53.ts'
import { hasPythonModule } from '../../support/python-module.ts'

async function open() {
  const fake = await startFakeRoute53()
  return {
    fake,
    create: createRoute53,
    settings: { access_key_id: KEY.id, secret_access_key: KEY.secret, endpoint: fake.url },
    secrets: ['secret_access_key'],
    wrong: { secret_access_key: 'another/secret' },
    texts: (name: string) => (fake.sets.get(name)?.values ?? []).map(readTxt),
    put: (name: string, value: string) => void fake.sets.set(name, { ttl: '300', values: [quoteTxt(value)] }),
  }
}

dnsProviderContract('route53', open)

describe('Route 53', () => {
  const { signal } = new AbortController()
  let world: Awaited<ReturnType<typeof openProvider<'route53'>>>
  let fake: Awaited<ReturnType<typeof startFakeRoute53>>
  beforeEach(async () => {
    world = await openProvider('route53', async () => {
      const opened = await open()
      fake = opened.fake
      return opened
    })
  })
  afterEach(() => world.fake.close())
  const record = (value = 'abc') => ({ name: world.name('www'), value, ttl: 60 })

  it('waits until its servers have it, but not when it is taken away', async () => {
    await world.make().add(record(), signal)
    expect(fake.changes).toEqual([{ looks: 2 }])
    await world.make().remove(record(), signal)
    expect(fake.changes).toEqual([{ looks: 2 }, { looks: 0 }])
  })

  it('loses nothing of two writers', async () => {
    let raced = 0
    world.fake.instead = ({ method }) => {
      if (method === 'POST' && raced < 2) {
        raced += 1
        world.put(record().name, `faster ${raced}`)
      }
      return null
    }
    await world.make().add(record(), signal)
    expect([...world.texts(record().name)].sort()).toEqual(['abc', 'faster 2'])
  })

  it('signs the token of a temporary key', async () => {
    fake.options.session = KEY.session
    await world.make({ session_token: KEY.session }).add(record(), signal)
    await expect(world.make().add(record('b'), signal)).rejects.toThrow(
      /\(InvalidClientTokenId\)\. Check access_key_id, secret_access_key and session_token/,
    )
  })

  it('takes the hosted zone of the configuration, and says where it does not hold the name', async () => {
    const hosted = { hosted_zone: fake.idOf('example.net') }
    await world.make(hosted).add(record(), signal)
    expect(fake.requests.some(({ path }) => path.endsWith('byname'))).toBe(false)
    await expect(
      world.make({ hosted_zone: fake.idOf(ZONE) }).add({ ...record(), name: 'x.example.net' }, signal),
    ).rejects.toThrow(
      /for shop\.example\.net, which does not hold the name: correct hosted_zone, or leave it out/,
    )
    await expect(world.make({ hosted_zone: 'ZNONE' }).add(record(), signal)).rejects.toThrow(
      /answers 404 to the look for hosted zone ZNONE: No hosted zone found with ID: ZNONE \(NoSuchHostedZone\)/,
    )
  })

  it('asks again where it is throttled in its own way', async () => {
    let left = 1
    world.fake.instead = () => {
      left -= 1
      const body =
        '<ErrorResponse><Error><Code>Throttling</Code><Message>Rate exceeded</Message></Error></ErrorResponse>'
      return left < 0 ? null : { status: 400, body }
    }
    await world.make().add(record(), signal)
    expect(world.waits[0]).toBe(1_000)
    expect(world.texts(record().name)).toEqual(['abc'])
  })

  it('leaves a set with a routing policy alone', async () => {
    fake.sets.set(record().name, { ttl: '60', values: ['"x"'], identifier: 'one' })
    await expect(world.make().add(record(), signal)).rejects.toThrow(
      /with a routing policy at .*: take that policy away/,
    )
  })

  it.skipIf(!hasPythonModule('boto3'))(
    'has a fake that the SDK of AWS takes for the real one, and shares a name with it',
    async () => {
      const script = `
import boto3, sys
url, root, key, secret, zone, name = sys.argv[1:]
client = boto3.client('route53', endpoint_url=url, verify=root, aws_access_key_id=key, aws_secret_access_key=secret, region_name='us-east-1')
names = client.list_hosted_zones_by_name(DNSName=zone, MaxItems='20')
zone_id = [z['Id'] for z in names['HostedZones'] if z['Name'] == zone + '.' and not z['Config']['PrivateZone']][0]
held = client.list_resource_record_sets(HostedZoneId=zone_id, StartRecordName=name, StartRecordType='TXT', MaxItems='1')['ResourceRecordSets'][0]
held['ResourceRecords'].append({'Value': '"from the SDK"'})
done = client.change_resource_record_sets(HostedZoneId=zone_id, ChangeBatch={'Changes': [{'Action': 'UPSERT', 'ResourceRecordSet': held}]})
client.get_waiter('resource_record_sets_changed').wait(Id=done['ChangeInfo']['Id'], WaiterConfig={'Delay': 1})
print(','.join(r['Value'] for r in held['ResourceRecords']))
`
      await world.make().add(record(), signal)
      const args = ['-c', script, fake.url, fake.root, KEY.id, KEY.secret, ZONE, record().name]
      const done = await promisify(execFile)('/usr/bin/python3', args, {
        env: cleanEnvironment(fake.folder, {}),
        timeout: 60_000,
      })
      expect(done.stdout.trim()).toBe('"abc","from the SDK"')
      await world.make().remove(record(), signal)
      expect(world.texts(record().name)).toEqual(['from the SDK'])
    },
    90_000,
  )
})
