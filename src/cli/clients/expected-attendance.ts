import type { InventoriedCertificate } from '../../audit/inventory/certificate.ts'
import type { Client } from '../../audit/inventory/client.ts'
import type { InventoryReader } from '../../audit/inventory/inventory-reader.ts'
import { followPages } from '../lists/follow-pages.ts'
import { addressOf, type ExpectedHost, keyOf } from './expected-hosts.ts'

export type AttendanceState = 'seen' | 'silent' | 'never seen' | 'unmanaged' | 'not expected'

export interface Attendant {
  readonly host: string
  readonly state: AttendanceState
  readonly lastSeen: string | null
  /** Programs of its clients. */
  readonly programs: readonly string[]
  /** Ids of its clients. */
  readonly clients: readonly string[]
  /** The label or address that it was recognised by. */
  readonly knownBy: string | null
  /** Of the certificates that were imported from it or issued to its clients, and that nothing has replaced. */
  readonly nextExpiry: string | null
  /** What makes the answer less than sure. */
  readonly note: string | null
}

export interface Attendance {
  /** What asks for attention first. */
  readonly hosts: readonly Attendant[]
  readonly counts: Readonly<Record<AttendanceState, number>>
}

/** µs since 1970. */
export interface AttendanceTimes {
  readonly now: number
  /** Who was last seen before is silent. */
  readonly silentBefore: number
}

const ORDER: readonly AttendanceState[] = ['never seen', 'silent', 'unmanaged', 'not expected', 'seen']

/**
 * Compares the hosts of a list with the clients and the imported certificates of the inventory. A host that no client
 * belongs to is `unmanaged` where its certificates were imported as such. Clients of no listed host are told as `not
 * expected` where they were seen within the time.
 */
export async function attendance(
  inventory: Pick<InventoryReader, 'clients' | 'certificates'>,
  expected: readonly ExpectedHost[],
  times: AttendanceTimes,
): Promise<Attendance> {
  const seen = await clientsByPlace(inventory)
  const imported = await importedByHost(inventory)
  const issued = await issuedByClient(inventory)
  const sharers = new Map<string, number>()
  for (const { addresses } of expected) {
    for (const address of addresses) sharers.set(address, (sharers.get(address) ?? 0) + 1)
  }
  const taken = new Set<string>()
  const hosts = expected.map(({ host, addresses }): Attendant => {
    const label = seen.byLabel.get(keyOf(host)) ?? []
    const byAddress = addresses.filter((address) => seen.bySource.has(address))
    const clients = [...new Set([...label, ...byAddress.flatMap((address) => seen.bySource.get(address)!)])]
    for (const { id } of clients) taken.add(id)
    const shared = label.length > 0 ? [] : byAddress.filter((address) => sharers.get(address)! > 1)
    const certificates = imported.get(keyOf(host))
    return {
      ...attendantOf(host, clients, times.silentBefore, certificates, issued),
      knownBy: label.length > 0 ? label[0]!.label : (byAddress[0] ?? null),
      note:
        shared.length === 0
          ? null
          : `${shared[0]} is the address of ${sharers.get(shared[0]!)} hosts in the list: any of them may have been seen`,
    }
  })
  const strangers = strangersOf(seen.all, taken, times.silentBefore, issued)
  const all = [...hosts, ...strangers].sort(
    (a, b) =>
      ORDER.indexOf(a.state) - ORDER.indexOf(b.state) || (a.host < b.host ? -1 : a.host > b.host ? 1 : 0),
  )
  const counts = { seen: 0, silent: 0, 'never seen': 0, unmanaged: 0, 'not expected': 0 }
  for (const { state } of all) counts[state] += 1
  return { hosts: all, counts }
}

interface Imported {
  readonly unmanaged: boolean
  readonly nextExpiry: string | null
}

function attendantOf(
  host: string,
  clients: readonly Client[],
  silentBefore: number,
  certificates: Imported | undefined,
  issued: ReadonlyMap<string, string>,
): Omit<Attendant, 'knownBy' | 'note'> {
  const lastSeen = latest(clients)
  const state: AttendanceState =
    lastSeen !== null
      ? Date.parse(lastSeen) * 1000 < silentBefore
        ? 'silent'
        : 'seen'
      : certificates?.unmanaged === true
        ? 'unmanaged'
        : 'never seen'
  const programs = [...new Set(clients.map(({ program }) => program).filter((one) => one !== null))]
  return {
    host,
    state,
    lastSeen,
    programs,
    clients: clients.map(({ id }) => id),
    nextExpiry: soonest([certificates?.nextExpiry, ...clients.map(({ id }) => issued.get(id))]),
  }
}

/** By their label or address: one line for what is probably one machine. */
function strangersOf(
  all: readonly Client[],
  taken: ReadonlySet<string>,
  since: number,
  issued: ReadonlyMap<string, string>,
): Attendant[] {
  const recent = all.filter(({ id, lastSeen }) => !taken.has(id) && Date.parse(lastSeen) * 1000 >= since)
  const groups = Map.groupBy(recent, (client) => ownLabel(client) ?? client.source ?? `client ${client.id}`)
  return [...groups].map(([host, clients]) => ({
    ...attendantOf(host, clients, since, undefined, issued),
    state: 'not expected',
    knownBy: null,
    note: null,
  }))
}

async function clientsByPlace(inventory: Pick<InventoryReader, 'clients'>) {
  const all: Client[] = []
  const pages = followPages<Client>((page) => inventory.clients(page), Number.POSITIVE_INFINITY)
  for await (const { items } of pages) all.push(...items)
  const byLabel = Map.groupBy(
    all.filter(({ label }) => label !== null),
    ({ label }) => keyOf(label!),
  )
  const bySource = Map.groupBy(
    all.filter(({ source }) => source !== null && addressOf(source) !== null),
    ({ source }) => addressOf(source!)!,
  )
  return { all, byLabel, bySource }
}

/** A proxy user. In relay the label is the Host of the CA, which every client shares. */
function ownLabel({ label, modes }: Client): string | null {
  return modes.includes('intercept') ? label : null
}

async function importedByHost(
  inventory: Pick<InventoryReader, 'certificates'>,
): Promise<ReadonlyMap<string, Imported>> {
  const hosts = new Map<string, Imported>()
  const pages = followPages<InventoriedCertificate>(
    (page) => inventory.certificates({ source: 'imported', ...page }),
    Number.POSITIVE_INFINITY,
  )
  for await (const { items } of pages) {
    for (const { imported, notAfter, replacedBy, revokedAt } of items) {
      if (imported === null) continue
      const key = keyOf(imported.host)
      const before = hosts.get(key)
      const inUse = replacedBy === null && revokedAt === null
      const sooner = before?.nextExpiry == null || notAfter < before.nextExpiry
      hosts.set(key, {
        unmanaged: imported.unmanaged || before?.unmanaged === true,
        nextExpiry: inUse && sooner ? notAfter : (before?.nextExpiry ?? null),
      })
    }
  }
  return hosts
}

/** When the first of its valid certificates expires, by the id of the client that they were issued to. */
async function issuedByClient(
  inventory: Pick<InventoryReader, 'certificates'>,
): Promise<ReadonlyMap<string, string>> {
  const expiries = new Map<string, string>()
  const filter = { source: 'observed', state: 'valid' } as const
  const pages = followPages<InventoriedCertificate>(
    (page) => inventory.certificates({ ...filter, ...page }),
    Number.POSITIVE_INFINITY,
  )
  for await (const { items } of pages) {
    for (const { client, notAfter } of items) {
      if (client !== null) expiries.set(client, soonest([notAfter, expiries.get(client)])!)
    }
  }
  return expiries
}

function soonest(times: readonly (string | null | undefined)[]): string | null {
  return times.reduce<string | null>(
    (first, at) => (at != null && (first === null || at < first) ? at : first),
    null,
  )
}

function latest(clients: readonly Client[]): string | null {
  return clients.reduce<string | null>(
    (last, { lastSeen }) => (last === null || lastSeen > last ? lastSeen : last),
    null,
  )
}
