import { createHmac, hash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { readXml, textAt, within } from '../../../src/engine/publishers/route53/xml.ts'
import type { Reply } from '../alerts/receiver.ts'
import { type FakeProvider, type FakeRequest, insist, startFakeProvider, ZONES } from './fake-provider.ts'

export const KEY = {
  id: 'AKIDEXAMPLE',
  secret: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
  session: 'FwoGZXIvYXdzEXAMPLEsession//token==',
}
const NS = 'https://route53.amazonaws.com/doc/2013-04-01/'

export interface FakeSet {
  readonly ttl: string
  readonly values: readonly string[]
  readonly identifier?: string
}

/** Route 53. Signatures are verified, batches are all or nothing, changes are in sync at the second look. */
export async function startFakeRoute53() {
  const sets = new Map<string, FakeSet>()
  const options = { session: null as string | null }
  const changes: { looks: number }[] = []
  const idOf = (zone: string) => `Z3M3LMPEXAMPLE${ZONES.indexOf(zone)}`
  const xml = (status: number, body: string): Reply => ({
    status,
    headers: { 'content-type': 'text/xml', 'x-amzn-requestid': 'b25f48e8-84fd-11e6-80d9-574e0c4664cb' },
    body: `<?xml version="1.0"?>\n${body}`,
  })
  const no = (status: number, code: string, message: string) =>
    xml(
      status,
      `<ErrorResponse xmlns="${NS}"><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error><RequestId>b25f48e8</RequestId></ErrorResponse>`,
    )
  const escaped = (text: string) =>
    text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;')
  const zoneXml = (zone: string, hidden = false) =>
    `<HostedZone><Id>/hostedzone/${hidden ? 'ZPRIVATE' : idOf(zone)}</Id><Name>${zone}.</Name><CallerReference>a</CallerReference><Config><Comment/><PrivateZone>${hidden}</PrivateZone></Config><ResourceRecordSetCount>2</ResourceRecordSetCount></HostedZone>`
  const fake: FakeProvider = await startFakeProvider((request) => {
    const { method, path, query } = request
    const wrong = checkSignature(request, options.session)
    if (wrong !== null)
      return no(
        403,
        wrong,
        'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method.',
      )
    if (path === '/2013-04-01/hostedzonesbyname') {
      insist(query.has('dnsname') && query.has('maxitems'), 'which zones?')
      // From that name on, by their labels from the right; private ones among them.
      const all = [...ZONES].sort().filter((zone) => zone >= (query.get('dnsname') ?? ''))
      return xml(
        200,
        `<ListHostedZonesByNameResponse xmlns="${NS}"><HostedZones>${all.map((zone) => zoneXml(zone, true) + zoneXml(zone)).join('')}</HostedZones><DNSName>x.</DNSName><IsTruncated>false</IsTruncated><MaxItems>20</MaxItems></ListHostedZonesByNameResponse>`,
      )
    }
    const change = /^\/2013-04-01\/change\/C(\d+)$/.exec(path)?.[1]
    if (change !== undefined) {
      changes[Number(change)]!.looks += 1
      const status = changes[Number(change)]!.looks >= 2 ? 'INSYNC' : 'PENDING'
      return xml(
        200,
        `<GetChangeResponse xmlns="${NS}"><ChangeInfo><Id>/change/C${change}</Id><Status>${status}</Status><SubmittedAt>2026-01-30T23:50:00.000Z</SubmittedAt></ChangeInfo></GetChangeResponse>`,
      )
    }
    const [, id, below] = /^\/2013-04-01\/hostedzone\/(\w+)(\/rrset)?\/?$/.exec(path) ?? []
    const zone = ZONES.find((one) => idOf(one) === id)
    if (zone === undefined) return no(404, 'NoSuchHostedZone', `No hosted zone found with ID: ${id}`)
    if (below === undefined)
      return xml(
        200,
        `<GetHostedZoneResponse xmlns="${NS}">${zoneXml(zone)}<DelegationSet><NameServers><NameServer>ns-2048.awsdns-64.com</NameServer></NameServers></DelegationSet></GetHostedZoneResponse>`,
      )
    if (method === 'GET') {
      insist(query.get('maxitems') === '1' && query.get('type') === 'TXT', 'which records?')
      const name = query.get('name') ?? ''
      const next = [...sets.keys()].sort().find((one) => one >= name)
      const set = next === undefined ? undefined : sets.get(next)
      const shown =
        set === undefined
          ? ''
          : `<ResourceRecordSet><Name>${next}.</Name><Type>TXT</Type>${set.identifier === undefined ? '' : `<SetIdentifier>${set.identifier}</SetIdentifier><Weight>1</Weight>`}<TTL>${set.ttl}</TTL><ResourceRecords>${set.values.map((value) => `<ResourceRecord><Value>${escaped(value)}</Value></ResourceRecord>`).join('')}</ResourceRecords></ResourceRecordSet>`
      return xml(
        200,
        `<ListResourceRecordSetsResponse xmlns="${NS}"><ResourceRecordSets>${shown}</ResourceRecordSets><IsTruncated>false</IsTruncated><MaxItems>1</MaxItems></ListResourceRecordSetsResponse>`,
      )
    }
    insist(method === 'POST' && /xml/.test(request.headers['content-type'] ?? 'xml'), 'XML is posted')
    const asked = readXml(request.body)
    insist(
      asked?.name === 'ChangeResourceRecordSetsRequest' && request.body.includes(`xmlns="${NS}"`),
      'its root and namespace',
    )
    const after = new Map(sets)
    const faults: string[] = []
    const batch = within(asked, 'ChangeBatch', 'Changes', 'Change')
    insist(batch.length > 0, 'a batch without changes')
    for (const one of batch) {
      const [set] = within(one, 'ResourceRecordSet')
      insist(set !== undefined, 'a change without a set')
      const name = textAt(set, 'Name')?.replace(/\.$/, '') ?? ''
      const wanted = {
        ttl: textAt(set, 'TTL') ?? '',
        values: within(set, 'ResourceRecords', 'ResourceRecord', 'Value').map(({ text }) => text),
      }
      insist(textAt(set, 'Type') === 'TXT' && name.endsWith(zone) && /^\d+$/.test(wanted.ttl), 'a TXT set')
      insist(
        wanted.values.length > 0 && wanted.values.every((value) => /^".*"$/.test(value)),
        'values are quoted',
      )
      const held = after.get(name)
      const what = `[name='${name}.', type='TXT'`
      switch (textAt(one, 'Action')) {
        case 'CREATE':
          if (held !== undefined)
            faults.push(`Tried to create resource record set ${what}] but it already exists`)
          after.set(name, wanted)
          break
        case 'UPSERT':
          after.set(name, wanted)
          break
        case 'DELETE':
          if (held === undefined)
            faults.push(`Tried to delete resource record set ${what}] but it was not found`)
          else if (
            !isDeepStrictEqual(
              { ttl: held.ttl, values: [...held.values].sort() },
              { ttl: wanted.ttl, values: [...wanted.values].sort() },
            )
          )
            faults.push(
              `Tried to delete resource record set ${what}] but the values provided do not match the current values`,
            )
          after.delete(name)
          break
        default:
          insist(false, 'unknown action')
      }
    }
    // The same error in two shapes, as the real one has them.
    if (faults.length === 1) return no(400, 'InvalidChangeBatch', `[${faults[0]}]`)
    if (faults.length > 1)
      return xml(
        400,
        `<InvalidChangeBatch xmlns="${NS}"><Messages>${faults.map((fault) => `<Message>${fault}</Message>`).join('')}</Messages><RequestId>b25f48e8</RequestId></InvalidChangeBatch>`,
      )
    sets.clear()
    for (const [name, set] of after) sets.set(name, set)
    changes.push({ looks: 0 })
    return xml(
      200,
      `<ChangeResourceRecordSetsResponse xmlns="${NS}"><ChangeInfo><Id>/change/C${changes.length - 1}</Id><Status>PENDING</Status><SubmittedAt>2026-01-30T23:50:00.000Z</SubmittedAt></ChangeInfo></ChangeResourceRecordSetsResponse>`,
    )
  })
  return Object.assign(fake, { sets, options, changes, idOf })
}

/** Of Signature Version 4, written apart from what it checks; the code of what is wrong. */
function checkSignature(
  { method, target, headers, body }: FakeRequest,
  session: string | null,
): string | null {
  const form =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/us-east-1\/route53\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/
  const [, id, day = '', names = '', signature] = form.exec(headers.authorization ?? '') ?? []
  if (id === undefined) return 'IncompleteSignature'
  if (id !== KEY.id || (session !== null && headers['x-amz-security-token'] !== session))
    return 'InvalidClientTokenId'
  const date = String(headers['x-amz-date'])
  insist(date.startsWith(day) && /^\d{8}T\d{6}Z$/.test(date), 'its date')
  insist(
    names.split(';').includes('host') && (session === null || names.includes('x-amz-security-token')),
    'signed fields',
  )
  const [path = '', query = ''] = target.split('?')
  const canonical = `${method}\n${path}\n${query.split('&').sort().join('&')}\n${names
    .split(';')
    .map((name) => `${name}:${headers[name]}\n`)
    .join('')}\n${names}\n${hash('sha256', body, 'hex')}`
  const mac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest()
  const key = mac(mac(mac(mac(`AWS4${KEY.secret}`, day), 'us-east-1'), 'route53'), 'aws4_request')
  const text = `AWS4-HMAC-SHA256\n${date}\n${day}/us-east-1/route53/aws4_request\n${hash('sha256', canonical, 'hex')}`
  return mac(key, text).toString('hex') === signature ? null : 'SignatureDoesNotMatch'
}
