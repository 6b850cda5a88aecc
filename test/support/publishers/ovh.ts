import { hash } from 'node:crypto'
import {
  type FakeProvider,
  FakeRecords,
  insist,
  json,
  jsonBody,
  onlyKeys,
  relative,
  startFakeProvider,
  whole,
  ZONES,
} from './fake-provider.ts'

export const KEYS = {
  application: '7kbG7Bk7S9Nt7ZSV',
  secret: 'EXEgWIz07P0HYwtQDs7cNIqCiQaWSuHF',
  consumer: 'MtSwSrPpNjqfVSmJhLbPyr2i45lSwPU1',
}
/** Its clock is not ours. */
const AHEAD = 7_200

/** OVHcloud's API. What is served is what there was at the last refresh. */
export async function startFakeOvh(): Promise<
  FakeProvider & { readonly records: FakeRecords; served(name: string): string[]; clock: { ahead: number } }
> {
  const records = new FakeRecords()
  const clock = { ahead: AHEAD }
  let published: { readonly name: string; readonly content: string }[] = []
  const no = (status: number, errorCode: string, message: string) =>
    json(status, {
      errorCode,
      httpCode: `${status} ${status === 403 ? 'Forbidden' : 'Bad Request'}`,
      message,
    })
  const notFound = json(404, { class: 'Client::NotFound', message: 'This service does not exist' })
  const fake = await startFakeProvider((request, base) => {
    const { method, path, target, query, headers, body } = request
    const now = Math.floor(Date.now() / 1000) + clock.ahead
    if (path === '/1.0/auth/time') {
      insist(headers['x-ovh-signature'] === undefined, 'the time is told to everybody')
      return json(200, now)
    }
    if (headers['x-ovh-application'] !== KEYS.application)
      return no(403, 'INVALID_KEY', 'Invalid application key')
    if (headers['x-ovh-consumer'] !== KEYS.consumer)
      return no(403, 'INVALID_CREDENTIAL', 'This credential is not valid')
    const at = Number(headers['x-ovh-timestamp'])
    if (Math.abs(at - now) > 30) return no(400, 'QUERY_TIME_OUT', 'Query out of time')
    const signed = [KEYS.secret, KEYS.consumer, method, `${base}${target}`, body, at].join('+')
    if (headers['x-ovh-signature'] !== `$1$${hash('sha1', signed, 'hex')}`)
      return no(400, 'INVALID_SIGNATURE', 'Invalid signature')
    const [, asked, below, id] =
      /^\/1\.0\/domain\/zone\/([^/]+)(?:\/(record|refresh)(?:\/(\d+))?)?$/.exec(path) ?? []
    const zone = ZONES.find((one) => one === asked)
    if (zone === undefined) return notFound
    if (below === undefined)
      return json(200, {
        name: zone,
        hasDnsAnycast: false,
        nameServers: ['dns10.ovh.net'],
        dnssecSupported: true,
        lastUpdate: '2026-01-30T23:50:00+01:00',
      })
    if (below === 'refresh') {
      insist(method === 'POST', 'a refresh is posted')
      published = [...records.all.values()]
      return json(200, null)
    }
    if (id !== undefined) {
      const record = records.all.get(id)
      if (record === undefined)
        return json(404, {
          class: 'Client::NotFound',
          message: 'The requested object (id = 1) does not exist',
        })
      if (method === 'DELETE') {
        records.all.delete(id)
        return json(200, null)
      }
      return json(200, {
        id: Number(id),
        zone,
        fieldType: 'TXT',
        subDomain: relative(record.name, zone, ''),
        target: record.content,
        ttl: record.ttl,
      })
    }
    if (method === 'GET') {
      insist(query.get('fieldType') === 'TXT' && query.get('subDomain') !== null, 'which records?')
      return json(
        200,
        records.at(zone, whole(query.get('subDomain') ?? '', zone)).map((one) => Number(one.id)),
      )
    }
    const wanted = jsonBody(request)
    onlyKeys(wanted, 'fieldType', 'subDomain', 'target', 'ttl')
    insist(wanted.fieldType === 'TXT' && !String(wanted.subDomain).endsWith(zone), 'names are relative')
    const made = records.add({
      zone,
      name: whole(String(wanted.subDomain), zone),
      content: String(wanted.target),
      ttl: Number(wanted.ttl),
    })
    return json(200, { id: Number(made.id), zone, ...wanted })
  })
  return Object.assign(fake, {
    records,
    clock,
    served: (name: string) => published.filter((one) => one.name === name).map(({ content }) => content),
  })
}
