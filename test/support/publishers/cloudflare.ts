import {
  type FakeProvider,
  FakeRecords,
  insist,
  json,
  jsonBody,
  onlyKeys,
  startFakeProvider,
  ZONES,
} from './fake-provider.ts'

export const TOKEN = 'Sn3lZJTBX6kkg7OdcBUAxOO963GEIyGQqnFTOFYY'

/** Cloudflare's API v4: its envelope, its error codes. Contents are shown as they were written. */
export async function startFakeCloudflare(): Promise<FakeProvider & { readonly records: FakeRecords }> {
  const records = new FakeRecords()
  const ok = (result: unknown) =>
    json(200, {
      success: true,
      errors: [],
      messages: [],
      result,
      result_info: { page: 1, per_page: 1000, total_pages: 1 },
    })
  const no = (status: number, code: number, message: string) =>
    json(status, { success: false, errors: [{ code, message }], messages: [], result: null })
  const idOf = (zone: string) => Buffer.from(zone).toString('hex').padEnd(32, '0').slice(0, 32)
  const shown = ({ id, name, content, ttl }: { id: string; name: string; content: string; ttl: number }) => ({
    id,
    type: 'TXT',
    name,
    content,
    ttl,
    proxiable: false,
    proxied: false,
    settings: {},
    meta: {},
    comment: null,
    tags: [],
  })
  const fake = await startFakeProvider((request) => {
    const { method, path, query, headers } = request
    if (headers.authorization !== `Bearer ${TOKEN}`) return no(403, 9109, 'Invalid access token')
    const [, id, record] = /^\/client\/v4\/zones\/([0-9a-f]{32})\/dns_records(?:\/(\d+))?$/.exec(path) ?? []
    if (path === '/client/v4/zones') {
      insist(method === 'GET', 'zones are only read')
      return ok(
        ZONES.filter((zone) => zone === query.get('name')).map((zone) => ({
          id: idOf(zone),
          name: zone,
          status: 'active',
        })),
      )
    }
    const zone = ZONES.find((one) => idOf(one) === id)
    if (zone === undefined)
      return no(404, 7003, 'Could not route to the zone, perhaps your object identifier is invalid?')
    if (method === 'GET') {
      insist(query.get('type') === 'TXT' && Number(query.get('per_page')) >= 5, 'which records?')
      return ok(
        records
          .at(zone, query.get('name') ?? undefined)
          .filter(({ content }) => content === (query.get('content') ?? content))
          .map(shown),
      )
    }
    if (method === 'POST') {
      const body = jsonBody(request)
      onlyKeys(body, 'type', 'name', 'content', 'ttl', 'data')
      const { name, content, ttl } = body as { name: string; content: string; ttl: number }
      insist(body.type === 'TXT' && name.endsWith(zone) && content !== '', 'a TXT record with its whole name')
      if (ttl !== 1 && ttl < 60)
        return no(400, 9021, 'Invalid TTL. Must be between 60 and 86400 seconds, or 1 for Automatic.')
      if (records.at(zone, name).some((one) => one.content === content))
        return no(400, 81058, 'An identical record already exists.')
      return ok(shown(records.add({ zone, name, content, ttl })))
    }
    insist(method === 'DELETE' && record !== undefined, 'unknown call')
    if (!records.all.delete(record)) return no(404, 81044, 'Record does not exist.')
    return ok({ id: record })
  })
  return Object.assign(fake, { records })
}
