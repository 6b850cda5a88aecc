import { randomBytes } from 'node:crypto'
import type { CreatedEabKey, EabKeyRequest, EabOperations, ShownEabKey } from '../../api/broker-operations.ts'
import { OperationRefused } from '../../api/operations.ts'
import type { EventRecorder } from '../../audit/keeping.ts'
import type { BrokerStore } from '../../broker/broker-store.ts'
import type { Endpoint } from '../../broker/endpoint.ts'
import { newObjectId } from '../../broker/object-id.ts'
import type { EabKey } from '../../broker/objects.ts'
import { urlOf } from '../../broker/url-map.ts'
import type { Sealing } from '../../engine/sealing.ts'
import type { Clock } from '../../exchange/clock.ts'
import { parsePattern } from '../../policy/names/pattern.ts'

export interface EabParts {
  readonly store: BrokerStore
  readonly sealing: Sealing
  readonly clock: Clock
  readonly events: EventRecorder
  /** Twins among them. */
  readonly endpoints: () => readonly Endpoint[]
}

const LABEL = /^[a-z0-9][a-z0-9._-]{0,63}$/
const MAC_BYTES = 32

/** Keys for external account binding: made, listed and ended. What is changed is in the record before anybody is told. */
export function eabOperations({ store, sealing, clock, events, endpoints }: EabParts): EabOperations {
  const wall = () => clock.now().wall
  return {
    async eabKeys() {
      const now = wall()
      return (await store.eabKeys()).map((key) => shownKey(key, now))
    },
    async createEabKey(request, actor) {
      const good = goodFor(request, endpoints())
      const wanted = wantedKey(request, good, wall())
      const id = pasteable(newObjectId)
      const mac = pasteable(() => randomBytes(MAC_BYTES).toString('base64url'))
      const key: EabKey = {
        ...wanted,
        id,
        used: 0,
        mac: sealing.seal(mac, { table: 'eab', id, column: 'key' }),
        revokedAt: null,
      }
      const { label, names, cas, uses, expiresAt } = key
      const event = { key: id, label, names, endpoints: key.endpoints, cas, uses, expires: expiresAt }
      await events.record(actor, { event: 'eabKeyCreated', ...event })
      await store.addEabKey(key)
      return { key: shownKey(key, wall()), mac, directories: directoriesOf(good) }
    },
    async revokeEabKey(id, actor) {
      const key = await store.eabKey(id)
      if (key === null)
        throw new OperationRefused('there is no EAB key with this id; see acmetap eab list', 404)
      if (key.revokedAt !== null) return shownKey(key, wall())
      const revoked: EabKey = { ...key, revokedAt: wall() }
      await store.putEabKey(revoked)
      await events.record(actor, { event: 'eabKeyRevoked', key: id, label: key.label })
      return shownKey(revoked, wall())
    },
  }
}

/** Command lines take what begins with a hyphen for an option. */
function pasteable(draw: () => string): string {
  for (;;) {
    const text = draw()
    if (!text.startsWith('-')) return text
  }
}

/** Of an EAB key: what may be told to anybody who may read. */
export function shownKey(key: EabKey, now: number): ShownEabKey {
  const { id, label, names, endpoints, cas, uses, used, expiresAt, revokedAt, createdAt } = key
  return {
    ...{ id, label, names, endpoints, cas, uses, used },
    state: stateOf(key, now),
    expiresAt: expiresAt === null ? null : instantOf(expiresAt),
    revokedAt: revokedAt === null ? null : instantOf(revokedAt),
    createdAt: instantOf(createdAt),
  }
}

function stateOf({ revokedAt, expiresAt, uses, used }: EabKey, now: number): ShownEabKey['state'] {
  if (revokedAt !== null) return 'revoked'
  if (expiresAt !== null && expiresAt <= now) return 'expired'
  return uses !== null && used >= uses ? 'spent' : 'usable'
}

/** The endpoints that are asked for, with their twins; all where none is. */
function goodFor({ endpoints = [] }: EabKeyRequest, known: readonly Endpoint[]): readonly Endpoint[] {
  if (known.length === 0)
    throw new OperationRefused('there is no broker: add an endpoint under broker in the configuration', 409)
  const wanted = endpoints.map((name) => {
    const found = known.find((endpoint) => endpoint.name === name)
    if (found !== undefined) return found
    const names = known.map((endpoint) => endpoint.name).join(', ')
    throw new OperationRefused(
      `endpoints: there is no endpoint ${JSON.stringify(name)} under broker; known: ${names}`,
      404,
    )
  })
  if (wanted.length === 0) return known
  const names = new Set(wanted.flatMap(({ name }) => [name, `${name}-staging`]))
  return known.filter(({ name, staging }) =>
    staging ? names.has(name) : wanted.some((one) => one.name === name),
  )
}

function wantedKey(
  { label, names, anyName = false, endpoints = [], cas = [], uses, expiresAt }: EabKeyRequest,
  good: readonly Endpoint[],
  now: number,
): Omit<EabKey, 'id' | 'used' | 'mac' | 'revokedAt'> {
  if (!LABEL.test(label))
    throw new OperationRefused('label: must be 1 to 64 lower-case letters, digits or ._-')
  const ends = expiresAt === undefined ? null : Date.parse(expiresAt) * 1000
  if (ends !== null && !(ends > now)) throw new OperationRefused('expiresAt: must lie in the future')
  if (uses !== undefined && !(Number.isSafeInteger(uses) && uses > 0))
    throw new OperationRefused('uses: must be a whole number from 1')
  // A script whose variable is empty must not get a key to everything.
  if (anyName ? names.length > 0 : names.length === 0)
    throw new OperationRefused(
      'names: must hold at least one pattern, or be empty with anyName for every name',
    )
  checkCas(cas, good)
  return {
    label,
    names: [...new Set(names.map(patternOf))],
    endpoints: endpoints.length === 0 ? [] : good.map(({ name }) => name),
    cas: [...new Set(cas)],
    uses: uses ?? null,
    expiresAt: ends,
    createdAt: now,
  }
}

function patternOf(written: string): string {
  const read = parsePattern(written)
  if ('fault' in read) throw new OperationRefused(`names: ${read.fault}`)
  return read.text
}

/** A key for CAs that its endpoints never send anything to would be good for nothing. */
function checkCas(cas: readonly string[], good: readonly Endpoint[]): void {
  const known = new Set(
    good.flatMap((endpoint) => [...endpoint.cas, ...endpoint.routes.flatMap((one) => one.cas)]),
  )
  const unknown = cas.find((ca) => !known.has(ca))
  if (unknown !== undefined)
    throw new OperationRefused(
      `cas: no endpoint of this key sends orders to ${JSON.stringify(unknown)}; known: ${[...known].join(', ')}`,
      404,
    )
}

function directoriesOf(endpoints: readonly Endpoint[]): CreatedEabKey['directories'] {
  return endpoints.map((endpoint) => ({ endpoint: endpoint.name, url: urlOf(endpoint, 'directory') }))
}

/** `micros`: µs since 1970. */
export function instantOf(micros: number): string {
  return new Date(Math.floor(micros / 1000)).toISOString()
}
