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

export const TOKEN = 'wAuVKoMxPqrs8Tn2HhYgXbCdEfGhJkLm'

/** The DNS console's API, two records a page however many are asked for. */
export async function startFakeHetznerDns(): Promise<FakeProvider & { readonly records: FakeRecords }> {
  const records = new FakeRecords()
  const idOf = (zone: string) => `zone${ZONES.indexOf(zone)}`
  const shown = ({
    id,
    name,
    content,
    ttl,
    zone,
  }: {
    id: string
    name: string
    content: string
    ttl: number
    zone: string
  }) => ({
    id: `record${id}`,
    type: 'TXT',
    name: relative(name, zone),
    value: content,
    zone_id: idOf(zone),
    ttl,
    created: '2026-01-08 01:44:46.98 +0000 UTC',
    modified: '2026-01-08 01:44:46.98 +0000 UTC',
  })
  const notFound = (what: string) => json(404, { error: { message: `${what} not found`, code: 404 } })
  const fake = await startFakeProvider((request) => {
    const { method, path, query, headers } = request
    if (headers['auth-api-token'] !== TOKEN)
      return json(401, { message: 'Invalid authentication credentials' })
    if (path === '/api/v1/zones') {
      const found = ZONES.filter((zone) => zone === query.get('name'))
      if (found.length === 0)
        return {
          ...notFound('zone'),
          body: '{"zones":[],"meta":{"pagination":{"page":1,"per_page":100,"last_page":1,"total_entries":0}},"error":{"message":"zone not found","code":404}}',
        }
      return json(200, {
        zones: found.map((zone) => ({ id: idOf(zone), name: zone, ttl: 86400 })),
        meta: { pagination: { page: 1, per_page: 100, last_page: 1, total_entries: 1 } },
      })
    }
    const id = /^\/api\/v1\/records\/record(\d+)$/.exec(path)?.[1]
    if (id !== undefined) {
      insist(method === 'DELETE', 'unknown call')
      return records.all.delete(id) ? json(200, {}) : notFound('record')
    }
    insist(path === '/api/v1/records', 'unknown path')
    if (method === 'GET') {
      const zone = ZONES.find((one) => idOf(one) === query.get('zone_id'))
      if (zone === undefined) return notFound('zone')
      const all = records.at(zone).map(shown)
      const page = Number(query.get('page') ?? 1)
      return json(200, {
        records: all.slice(page * 2 - 2, page * 2),
        meta: {
          pagination: {
            page,
            per_page: 2,
            last_page: Math.max(1, Math.ceil(all.length / 2)),
            total_entries: all.length,
          },
        },
      })
    }
    const body = jsonBody(request)
    onlyKeys(body, 'zone_id', 'type', 'name', 'value', 'ttl')
    const { name, value, ttl } = body as { name: string; value: string; ttl: number }
    const zone = ZONES.find((one) => idOf(one) === body.zone_id)
    if (zone === undefined) return notFound('zone')
    insist(method === 'POST' && body.type === 'TXT' && !name.endsWith(zone), 'names are relative')
    const [{ content } = { content: null }] = records
      .at(zone, whole(name, zone))
      .filter((one) => one.content === value)
    if (content !== null)
      return json(422, { record: {}, error: { message: '422 Unprocessable Entity: taken: ; ', code: 422 } })
    return json(200, { record: shown(records.add({ zone, name: whole(name, zone), content: value, ttl })) })
  })
  return Object.assign(fake, { records })
}
