import {
  type FakeProvider,
  insist,
  json,
  relative,
  startFakeProvider,
  whole,
  ZONES,
} from './fake-provider.ts'

export const TOKEN = 'i-T3b1h_OI-H9ab8tRS98stGtURe'

/** deSEC's API: bulk PUT of rrsets, none below the least TTL. */
export async function startFakeDesec() {
  const sets = new Map<string, { readonly ttl: number; readonly records: readonly string[] }>()
  const notFound = json(404, { detail: 'Not found.' })
  const fake: FakeProvider = await startFakeProvider((request) => {
    const { method, path, query, headers } = request
    if (headers.authorization !== `Token ${TOKEN}`)
      return json(401, { detail: 'Invalid token.' }, { 'www-authenticate': 'Token' })
    if (path === '/api/v1/domains/') {
      const name = query.get('owns_qname')
      insist(method === 'GET' && name !== null, 'which domain?')
      const [zone] = ZONES.filter((one) => name === one || name.endsWith(`.${one}`)).sort(
        (a, b) => b.length - a.length,
      )
      return json(
        200,
        zone === undefined
          ? []
          : [
              {
                created: '2018-09-18T16:36:16.510368Z',
                minimum_ttl: 3600,
                name: zone,
                published: null,
                touched: '2018-09-18T17:21:38.348112Z',
              },
            ],
      )
    }
    const [, asked, subname] = /^\/api\/v1\/domains\/([^/]+)\/rrsets\/(?:([^/]+)\/TXT\/)?$/.exec(path) ?? []
    const zone = ZONES.find((one) => one === asked)
    if (zone === undefined) return notFound
    const shown = (name: string) => ({
      created: '2026-01-30T23:50:00Z',
      domain: zone,
      subname: relative(name, zone, ''),
      name: `${name}.`,
      type: 'TXT',
      ...sets.get(name),
      touched: '2026-01-30T23:50:00Z',
    })
    if (method === 'GET') {
      const name = whole(subname ?? '', zone)
      return sets.has(name) ? json(200, shown(name)) : notFound
    }
    insist(
      method === 'PUT' && subname === undefined && /^application\/json/.test(headers['content-type'] ?? ''),
      'unknown call',
    )
    const wanted = JSON.parse(request.body) as {
      subname: string
      type: string
      ttl: number
      records: string[]
    }[]
    insist(Array.isArray(wanted), 'bulk is a list')
    const done: object[] = []
    for (const { subname: at, type, ttl, records } of wanted) {
      insist(type === 'TXT' && !at.endsWith(zone), 'names are relative')
      if (ttl < 3600) return json(400, [{ ttl: ['Ensure this value is greater than or equal to 3600.'] }])
      if (records.some((record) => !/^".*"$/.test(record)))
        return json(400, [{ records: ['Record content for TXT type malformed: missing quotes.'] }])
      const name = whole(at, zone)
      if (records.length === 0) sets.delete(name)
      else {
        sets.set(name, { ttl, records })
        done.push(shown(name))
      }
    }
    return json(200, done)
  })
  return Object.assign(fake, { sets })
}
