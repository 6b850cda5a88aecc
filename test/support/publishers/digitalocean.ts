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

export const TOKEN = 'dop_v1_5f0b1f5a2c9d4e8ab7c6d5e4f3a2b1c0'

/** DigitalOcean's API v2, two records a page however many are asked for. */
export async function startFakeDigitalocean(): Promise<FakeProvider & { readonly records: FakeRecords }> {
  const records = new FakeRecords()
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
    id: Number(id),
    type: 'TXT',
    name: relative(name, zone),
    data: content,
    priority: null,
    port: null,
    ttl,
    weight: null,
    flags: null,
    tag: null,
  })
  const notFound = json(404, {
    id: 'not_found',
    message: 'The resource you were accessing could not be found.',
  })
  const fake = await startFakeProvider((request, base) => {
    const { method, path, query, headers } = request
    if (headers.authorization !== `Bearer ${TOKEN}`)
      return json(401, { id: 'Unauthorized', message: 'Unable to authenticate you' })
    const [, domain, below, id] = /^\/v2\/domains\/([^/]+)(\/records)?(?:\/(\d+))?$/.exec(path) ?? []
    const zone = ZONES.find((one) => one === domain)
    if (zone === undefined) return notFound
    if (below === undefined) return json(200, { domain: { name: zone, ttl: 1800, zone_file: '' } })
    if (method === 'GET') {
      insist(Number(query.get('per_page')) <= 200, 'pages are of 200 at most')
      const name = query.get('name')
      insist(name === null || name.endsWith(zone), 'names are whole')
      const all = records.at(zone, name ?? undefined).map(shown)
      const page = Number(query.get('page') ?? 1)
      const more = page * 2 < all.length
      const next = { next: `${base}/v2/domains/${zone}/records?page=${page + 1}`, last: '' }
      return json(200, {
        domain_records: all.slice(page * 2 - 2, page * 2),
        links: more ? { pages: next } : {},
        meta: { total: all.length },
      })
    }
    if (method === 'POST') {
      const body = jsonBody(request)
      onlyKeys(body, 'type', 'name', 'data', 'ttl')
      const { name, data, ttl } = body as { name: string; data: string; ttl: number }
      if (ttl < 30)
        return json(422, { id: 'unprocessable_entity', message: 'TTL must be greater than or equal to 30' })
      insist(body.type === 'TXT' && !name.endsWith(zone), 'names are relative')
      return json(201, {
        domain_record: shown(records.add({ zone, name: whole(name, zone), content: data, ttl })),
      })
    }
    insist(method === 'DELETE' && id !== undefined, 'unknown call')
    return records.all.delete(id) ? { status: 204 } : notFound
  })
  return Object.assign(fake, { records })
}
