import { piecesOf } from '../../../src/engine/publishers/provider/txt-content.ts'
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

export const TOKEN = 'LRK9DAWQ1ZAEFSrCNEEzLCUwhYX1U3g7wMg4dTlkkDC96fyDuyJ39nVbVjCKSDfj'

interface Set {
  ttl: number
  readonly values: string[]
}

/** RRsets of the Cloud console. An action runs for two looks, and what it does is seen after it. */
export async function startFakeHetznerCloud() {
  /** By zone and whole name. */
  const sets = new Map<string, Set>()
  const actions: { status: string; looks: number; run: () => void }[] = []
  const no = (status: number, code: string, message: string) =>
    json(status, { error: { code, message, details: null } })
  const shown = (id: number) => ({
    action: {
      id,
      command: 'change_rrset',
      status: actions[id]!.status,
      progress: 0,
      started: '2026-01-30T23:50:00Z',
      finished: null,
      resources: [{ id: 0, type: 'zone' }],
      error: null,
    },
  })
  const fake: FakeProvider = await startFakeProvider((request) => {
    const { method, path, headers } = request
    if (headers.authorization !== `Bearer ${TOKEN}`) return no(401, 'unauthorized', 'unable to authenticate')
    const action = /^\/v1\/actions\/(\d+)$/.exec(path)?.[1]
    if (action !== undefined) {
      const one = actions[Number(action)]!
      one.looks += 1
      if (one.looks === 2) {
        one.status = 'success'
        one.run()
      }
      return json(200, shown(Number(action)))
    }
    const [, asked, name, verb] =
      /^\/v1\/zones\/([^/]+)(?:\/rrsets\/([^/]+)\/TXT(?:\/actions\/(\w+))?)?$/.exec(path) ?? []
    const zone = ZONES.find((one, at) => one === asked || String(at + 700) === asked)
    if (zone === undefined) return no(404, 'not_found', 'zone not found')
    if (name === undefined)
      return json(200, {
        zone: { id: ZONES.indexOf(zone) + 700, name: zone, mode: 'primary', ttl: 3600, status: 'ok' },
      })
    const key = `${zone} ${whole(name, zone)}`
    const set = sets.get(key)
    if (verb === undefined) {
      insist(method === 'GET', 'sets are changed by actions')
      if (set === undefined) return no(404, 'not_found', 'rrset not found')
      return json(200, {
        rrset: {
          id: `${name}/TXT`,
          name,
          type: 'TXT',
          ttl: set.ttl,
          labels: {},
          records: set.values.map((value) => ({ value, comment: '' })),
          zone: 700,
        },
      })
    }
    insist(method === 'POST', 'actions are posted')
    const body = jsonBody(request)
    onlyKeys(body, 'ttl', 'records')
    const values = (body.records as { value: string }[]).map(({ value }) => value)
    if (values.some((value) => !/^".*"$/.test(value) || piecesOf(value).some((piece) => piece.length > 255)))
      return no(422, 'invalid_input', 'invalid input in field records')
    if (body.ttl !== undefined && (body.ttl as number) < 60)
      return no(422, 'invalid_input', "invalid input in field 'ttl'")
    if (verb === 'add_records') {
      if (set !== undefined && body.ttl !== undefined && body.ttl !== set.ttl)
        return no(422, 'invalid_input', 'TTL differs from the one of the RRSet')
      if (values.some((value) => set?.values.includes(value)))
        return no(409, 'uniqueness_error', 'record exists')
    } else {
      insist(verb === 'remove_records' && body.ttl === undefined, 'unknown action')
      if (set === undefined) return no(404, 'not_found', 'rrset not found')
      if (values.some((value) => !set.values.includes(value)))
        return no(422, 'invalid_input', 'record not found')
    }
    const run = () => {
      const now = sets.get(key) ?? { ttl: (body.ttl as number | undefined) ?? 3600, values: [] }
      const left =
        verb === 'add_records'
          ? [...now.values, ...values]
          : now.values.filter((value) => !values.includes(value))
      if (left.length === 0) sets.delete(key)
      else sets.set(key, { ttl: now.ttl, values: left })
    }
    actions.push({ status: 'running', looks: 0, run })
    return json(201, shown(actions.length - 1))
  })
  return Object.assign(fake, { sets, actions })
}
