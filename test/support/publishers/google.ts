import { createPublicKey, generateKeyPairSync, randomBytes, verify } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import {
  type FakeProvider,
  insist,
  json,
  jsonBody,
  onlyKeys,
  startFakeProvider,
  ZONES,
} from './fake-provider.ts'

const PROJECT = 'my-project-42'
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const EMAIL = 'acmetap@my-project-42.iam.gserviceaccount.com'

interface Set {
  readonly name: string
  readonly type: string
  readonly ttl: number
  readonly rrdatas: readonly string[]
}

/** Google Cloud DNS and its token server. A change is done at the second look. */
export async function startFakeGoogle() {
  const sets = new Map<string, Set>()
  const options = { grants: 0, lasts: 3599, token: `ya29.${randomBytes(30).toString('base64url')}` }
  const changes: { status: string; looks: number }[] = []
  const no = (code: number, reason: string, message: string) =>
    json(code, { error: { code, message, errors: [{ message, domain: 'global', reason }] } })
  const shown = (id: number) => ({
    kind: 'dns#change',
    id: String(id),
    startTime: '2026-01-30T23:50:00.000Z',
    status: changes[id]!.status,
    additions: [],
    deletions: [],
  })
  const fake: FakeProvider = await startFakeProvider((request, base) => {
    const { method, path: at, query, headers } = request
    if (at === '/token') {
      insist(
        method === 'POST' && headers['content-type'] === 'application/x-www-form-urlencoded',
        'a form is posted',
      )
      const form = new URLSearchParams(request.body)
      insist(form.get('grant_type') === 'urn:ietf:params:oauth:grant-type:jwt-bearer', 'grant')
      const assertion = form.get('assertion') ?? ''
      const [head, claims, signature = ''] = assertion.split('.')
      const good = verify(
        'sha256',
        Buffer.from(`${head}.${claims}`),
        createPublicKey(privateKey),
        Buffer.from(signature, 'base64url'),
      )
      if (!good) return json(400, { error: 'invalid_grant', error_description: 'Invalid JWT Signature.' })
      insist(
        isDeepStrictEqual(decodeProtectedHeader(assertion), { alg: 'RS256', typ: 'JWT', kid: 'kid-1' }),
        'header of the JWT',
      )
      const { iss, aud, iat = 0, exp = 0, scope } = decodeJwt(assertion)
      insist(
        iss === EMAIL &&
          aud === `${base}/token` &&
          exp - iat <= 3600 &&
          Math.abs(iat - Date.now() / 1000) < 60,
        'claims',
      )
      insist(scope === 'https://www.googleapis.com/auth/ndev.clouddns.readwrite', 'scope')
      options.grants += 1
      return json(200, { access_token: options.token, expires_in: options.lasts, token_type: 'Bearer' })
    }
    if (headers.authorization !== `Bearer ${options.token}`)
      return no(401, 'authError', 'Request had invalid authentication credentials.')
    const [, below = ''] = new RegExp(`^/dns/v1/projects/${PROJECT}/managedZones(/.*)?$`).exec(at) ?? []
    if (below === '') {
      const found = ZONES.filter((zone) => `${zone}.` === query.get('dnsName'))
      return json(200, {
        kind: 'dns#managedZonesListResponse',
        ...(found.length === 0
          ? {}
          : {
              managedZones: found.flatMap((zone) =>
                ['private', 'public'].map((visibility) => ({
                  kind: 'dns#managedZone',
                  name: `${visibility}-${zone.replaceAll('.', '-')}`,
                  dnsName: `${zone}.`,
                  id: '1',
                  visibility,
                })),
              ),
            }),
      })
    }
    const [, id, what, change] = /^\/([^/]+)\/(rrsets|changes)(?:\/(\d+))?$/.exec(below) ?? []
    const zone = ZONES.find((one) => `public-${one.replaceAll('.', '-')}` === id)
    if (zone === undefined)
      return no(404, 'notFound', `The 'parameters.managedZone' resource named '${id}' does not exist.`)
    if (what === 'rrsets') {
      const set = sets.get(query.get('name') ?? '')
      insist(query.get('type') === 'TXT', 'which records?')
      return json(200, {
        kind: 'dns#resourceRecordSetsListResponse',
        rrsets: set === undefined ? [] : [{ kind: 'dns#resourceRecordSet', ...set, signatureRrdatas: [] }],
      })
    }
    if (change !== undefined) {
      const one = changes[Number(change)]!
      one.looks += 1
      if (one.looks === 2) one.status = 'done'
      return json(200, shown(Number(change)))
    }
    const body = jsonBody(request)
    onlyKeys(body, 'additions', 'deletions')
    const { additions = [], deletions = [] } = body as { additions?: Set[]; deletions?: Set[] }
    for (const one of [...additions, ...deletions]) {
      onlyKeys({ ...one }, 'name', 'type', 'ttl', 'rrdatas')
      insist(
        one.type === 'TXT' &&
          one.name.endsWith(`${zone}.`) &&
          one.rrdatas.length > 0 &&
          one.rrdatas.every((data) => /^".*"$/.test(data)),
        'sets are whole',
      )
    }
    for (const [n, one] of deletions.entries()) {
      const held = sets.get(one.name)
      if (held === undefined)
        return no(
          404,
          'notFound',
          `The 'entity.change.deletions[${n}]' resource named '${one.name} (TXT)' does not exist.`,
        )
      if (held.ttl !== one.ttl || !isDeepStrictEqual([...held.rrdatas].sort(), [...one.rrdatas].sort()))
        return no(412, 'conditionNotMet', `Precondition not met for 'entity.change.deletions[${n}]'`)
    }
    for (const [n, one] of additions.entries())
      if (sets.has(one.name) && !deletions.some(({ name }) => name === one.name))
        return no(
          409,
          'alreadyExists',
          `The resource 'entity.change.additions[${n}]' named '${one.name} (TXT)' already exists`,
        )
    for (const { name } of deletions) sets.delete(name)
    for (const one of additions) sets.set(one.name, one)
    changes.push({ status: 'pending', looks: 0 })
    return json(200, shown(changes.length - 1))
  })
  const credentials = path.join(fake.folder, 'google.json')
  const account = {
    type: 'service_account',
    project_id: PROJECT,
    private_key_id: 'kid-1',
    private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    client_email: EMAIL,
    client_id: '1',
    token_uri: `${fake.url}/token`,
  }
  await writeFile(credentials, JSON.stringify(account))
  return Object.assign(fake, { sets, options, changes, credentials, account })
}
