import { randomUUID } from 'node:crypto'
import {
  type FakeProvider,
  insist,
  json,
  jsonBody,
  onlyKeys,
  startFakeProvider,
  whole,
  ZONES,
} from './fake-provider.ts'

export const CLIENT = {
  tenant: '11111111-1111-1111-1111-111111111111',
  id: '22222222-2222-2222-2222-222222222222',
  secret: 'Zk~8Q~pretendSecretOfAnApplication_0123456',
}
export const TOKEN = 'eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJmYWtlIn0.c2lnbmF0dXJl'
const GROUP =
  '/subscriptions/33333333-3333-3333-3333-333333333333/resourceGroups/dns/providers/Microsoft.Network/dnsZones'

interface Set {
  readonly etag: string
  readonly properties: Readonly<Record<string, unknown>>
}

/** Azure DNS and its login. */
export async function startFakeAzure() {
  const sets = new Map<string, Set>()
  /** Zones that the application may not see are forbidden, not missing. */
  const options = { forbidden: [] as string[], token: TOKEN, grants: 0 }
  const no = (status: number, code: string, message: string) => json(status, { error: { code, message } })
  const fake: FakeProvider = await startFakeProvider((request, base) => {
    const { method, path, query, headers } = request
    if (path === `/${CLIENT.tenant}/oauth2/v2.0/token`) {
      insist(
        method === 'POST' && headers['content-type'] === 'application/x-www-form-urlencoded',
        'a form is posted',
      )
      const form = new URLSearchParams(request.body)
      insist(
        form.get('grant_type') === 'client_credentials' && form.get('scope') === `${base}/.default`,
        'grant',
      )
      if (form.get('client_id') !== CLIENT.id || form.get('client_secret') !== CLIENT.secret)
        return json(401, {
          error: 'invalid_client',
          error_description: `AADSTS7000215: Invalid client secret provided. Trace ID: ${form.get('client_secret')}\r\nTimestamp: 2026-01-30 23:50:00Z`,
          error_codes: [7000215],
        })
      options.grants += 1
      return json(200, {
        token_type: 'Bearer',
        expires_in: 3599,
        ext_expires_in: 3599,
        access_token: options.token,
      })
    }
    if (headers.authorization !== `Bearer ${options.token}`)
      return no(401, 'InvalidAuthenticationToken', 'The access token is invalid.')
    insist(query.get('api-version') === '2018-05-01', 'api-version')
    const [, asked = '', relative] = new RegExp(`^${GROUP}/([^/]+)(?:/TXT/([^/]+))?$`).exec(path) ?? []
    if (options.forbidden.includes(asked))
      return no(
        403,
        'AuthorizationFailed',
        `The client '${CLIENT.id}' does not have authorization to perform action 'Microsoft.Network/dnsZones/read'`,
      )
    const zone = ZONES.find((one) => one === asked)
    if (zone === undefined)
      return no(
        404,
        'ResourceNotFound',
        `The Resource 'Microsoft.Network/dnsZones/${asked}' under resource group 'dns' was not found.`,
      )
    if (relative === undefined)
      return json(200, {
        id: `${GROUP}/${zone}`,
        name: zone,
        type: 'Microsoft.Network/dnszones',
        etag: '00000002-0000-0000-76c2-f7ad90b5d701',
        location: 'global',
        properties: {},
      })
    const name = whole(relative, zone)
    const set = sets.get(name)
    const shown = () => ({
      id: `${GROUP}/${zone}/TXT/${relative}`,
      name: relative,
      type: 'Microsoft.Network/dnszones/TXT',
      ...sets.get(name),
    })
    const failed = no(
      412,
      'PreconditionFailed',
      `The condition '${headers['if-match'] ?? headers['if-none-match']}' in the header was not satisfied.`,
    )
    if (method === 'GET')
      return set === undefined
        ? no(404, 'NotFound', `The resource record '${relative}' does not exist in resource group 'dns'.`)
        : json(200, shown())
    if (method === 'DELETE') {
      insist(headers['if-match'] !== undefined, 'nobody deletes what he has not seen')
      if (set === undefined) return { status: 204 }
      if (headers['if-match'] !== set.etag) return failed
      sets.delete(name)
      return { status: 200 }
    }
    insist(method === 'PUT', 'unknown call')
    const { properties } = jsonBody(request) as { properties: Record<string, unknown> }
    onlyKeys(properties, 'metadata', 'TTL', 'TXTRecords')
    insist(
      (properties.TXTRecords as { value: string[] }[]).every(({ value }) =>
        value.every((one) => one.length <= 255 && !/^".*"$/s.test(one)),
      ),
      'values are not quoted',
    )
    insist(
      (headers['if-match'] === undefined) !== (headers['if-none-match'] === undefined),
      'nobody writes over what he has not seen',
    )
    if (headers['if-none-match'] === '*' ? set !== undefined : headers['if-match'] !== set?.etag)
      return failed
    sets.set(name, {
      etag: randomUUID(),
      properties: { ...properties, fqdn: `${name}.`, provisioningState: 'Succeeded' },
    })
    return json(set === undefined ? 201 : 200, shown())
  })
  return Object.assign(fake, { sets, options })
}
