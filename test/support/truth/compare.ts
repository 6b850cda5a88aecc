import type { IssuedCertificate } from './pebble-truth.ts'
import type { InventoryDump } from './read-inventory.ts'
import { certificatesIn, fingerprintOf } from './read-pem.ts'
import type { Truth } from './truth.ts'

export interface Comparison {
  readonly accounts: number
  readonly orders: number
  readonly challenges: number
  readonly certificates: number
  /** Copies of certificates on the clients' disks. */
  readonly files: number
  readonly revocations: number
  readonly clients: number
  /** One line each; none where the inventory equals the truth. */
  readonly differences: readonly string[]
}

/** Certificates on the clients' disks: fingerprint to files. */
export type OnDisk = ReadonlyMap<string, readonly string[]>

/**
 * Holds the inventory against the truth, both ways: everything that happened is in it exactly once, with what belongs
 * to it, and nothing more. `issued` and `onDisk` null: not looked at.
 */
export function compare(
  truth: Truth,
  inventory: InventoryDump,
  issued: readonly IssuedCertificate[] | null,
  onDisk: OnDisk | null,
): Comparison {
  const differences: string[] = []
  const note = (difference: string): void => void differences.push(difference)
  compareAccounts(truth, inventory, note)
  compareOrders(truth, inventory, note)
  compareChallenges(truth, inventory, note)
  compareCertificates(truth, inventory, note)
  compareClients(truth, inventory, note)
  if (issued !== null) compareIssued(truth, inventory, issued, note)
  if (onDisk !== null) compareFiles(inventory, onDisk, note)
  return {
    accounts: truth.accounts.size,
    orders: truth.orders.size,
    challenges: truth.challenges.size,
    certificates: truth.certificates.size,
    files: [...(onDisk?.values() ?? [])].flat().length,
    revocations: truth.revocations.size,
    clients: truth.clients.size,
    differences,
  }
}

type Note = (difference: string) => void

/** The members of `wanted` whose values the object has not. */
function differ(
  what: string,
  wanted: Readonly<Record<string, unknown>>,
  has: Readonly<Record<string, unknown>>,
  note: Note,
): void {
  for (const [member, value] of Object.entries(wanted)) {
    const [want, got] = [JSON.stringify(value), JSON.stringify(has[member])]
    if (want !== got) note(`${what}: ${member} is ${got}, should be ${want}`)
  }
}

/** Pairs both sides by a key that must be there once on each. */
function pair<T, I>(
  kind: string,
  truth: ReadonlyMap<string, T>,
  items: readonly I[],
  keyOf: (item: I) => string,
  note: Note,
): [T, I][] {
  const pairs: [T, I][] = []
  const seen = new Set<string>()
  for (const item of items) {
    const key = keyOf(item)
    if (seen.has(key)) note(`${kind} ${key} is in the inventory twice`)
    seen.add(key)
    const one = truth.get(key)
    if (one === undefined) note(`${kind} ${key} is only in the inventory`)
    else pairs.push([one, item])
  }
  for (const key of truth.keys()) if (!seen.has(key)) note(`${kind} ${key} is not in the inventory`)
  return pairs
}

function compareAccounts(truth: Truth, { accounts }: InventoryDump, note: Note): void {
  for (const [one, has] of pair('account', truth.accounts, accounts, ({ url }) => url, note)) {
    const orders = [...truth.orders.values()].filter(({ account }) => account === one.url)
    const certificates = [...truth.certificates.values()].filter(({ order }) =>
      orders.some(({ url }) => url === order),
    )
    differ(
      `account ${one.url}`,
      {
        status: one.status,
        ...(one.thumbprint === null ? {} : { thumbprint: one.thumbprint }),
        ...(one.contacts === null ? {} : { contacts: one.contacts }),
        orders: orders.length,
        certificates: certificates.length,
      },
      { ...has, contacts: has.contacts.toSorted() },
      note,
    )
  }
}

function compareOrders(truth: Truth, { orders }: InventoryDump, note: Note): void {
  const certificateOf = new Map(
    [...truth.certificates.values()].map(({ order, fingerprint }) => [order, fingerprint]),
  )
  for (const [one, has] of pair('order', truth.orders, orders, ({ url }) => url, note)) {
    differ(
      `order ${one.url}`,
      { ...one, certificate: certificateOf.get(one.url) ?? null },
      {
        url: has.url,
        account: has.account?.url,
        identifiers: has.identifiers.map(({ type, value }) => `${type}:${value}`).toSorted(),
        status: has.status,
        expires: has.expires,
        requests: has.requests,
        program: has.client?.program ?? null,
        certificateUrl: has.certificateUrl,
        error: has.error?.type ?? null,
        certificate: has.certificate,
      },
      note,
    )
    if (has.timeline.length === 0) note(`order ${one.url} has no timeline`)
    if (has.authorizations.length === 0) note(`order ${one.url} has no authorizations`)
    if (
      one.status === 'valid' &&
      has.csr?.names
        .map(({ type, value }) => `${type}:${value}`)
        .toSorted()
        .join() !== one.identifiers.join()
    )
      note(`order ${one.url}: its CSR has the names ${JSON.stringify(has.csr?.names)}`)
  }
}

function compareChallenges(truth: Truth, { challenges, failures }: InventoryDump, note: Note): void {
  for (const [one, has] of pair('challenge', truth.challenges, challenges, ({ url }) => url, note)) {
    const error = has.error?.type ?? null
    differ(
      `challenge ${one.url}`,
      { ...one },
      { url: has.url, type: has.type, status: has.status, error },
      note,
    )
    if (one.error !== null && has.diagnosis === null) note(`challenge ${one.url} failed and has no diagnosis`)
  }
  const failed = [...truth.challenges.values()].filter(({ status }) => status === 'invalid').length
  const told = failures.filter(({ challengeType }) => challengeType !== null).length
  if (told !== failed) note(`${failed} challenges failed, the inventory has ${told} such failures`)
}

function compareCertificates(truth: Truth, inventory: InventoryDump, note: Note): void {
  const urls = new Map(inventory.orders.map(({ id, url }) => [id, url]))
  const { certificates, pems } = inventory
  for (const [one, has] of pair(
    'certificate',
    truth.certificates,
    certificates,
    ({ fingerprint }) => fingerprint,
    note,
  )) {
    const what = `certificate ${one.serial}`
    const revocation = truth.revocations.get(one.fingerprint)
    differ(
      what,
      {
        ...one,
        account: truth.orders.get(one.order ?? '')?.account,
        source: 'observed',
        isRevoked: revocation !== undefined,
        revocationReason: revocation?.reason ?? null,
        revokedBy: revocation?.by ?? null,
      },
      {
        fingerprint: has.fingerprint,
        serial: has.serial,
        names: has.identifiers.map(({ type, value }) => `${type}:${value}`).toSorted(),
        notBefore: has.notBefore,
        notAfter: has.notAfter,
        chain: has.chain.map(({ fingerprint }) => fingerprint),
        order: has.order === null ? null : urls.get(has.order),
        downloadedBy: has.downloadedBy.map(({ account }) => account ?? '').toSorted(),
        account: has.account?.url,
        source: has.source,
        isRevoked: has.revokedAt !== null,
        revocationReason: has.revocationReason,
        revokedBy: has.revokedBy,
      },
      note,
    )
    const [leaf, ...rest] = certificatesIn(pems[certificates.indexOf(has)] ?? '')
    if (leaf === undefined || fingerprintOf(leaf) !== one.fingerprint) note(`${what}: its PEM is not kept`)
    else if (rest.length === 0) note(`${what}: the PEM that is kept has no chain`)
  }
  for (const { fingerprint } of truth.revocations.values())
    if (!truth.certificates.has(fingerprint)) note(`${fingerprint} was revoked, but nobody saw it downloaded`)
}

function compareClients(truth: Truth, { clients }: InventoryDump, note: Note): void {
  const known = clients.flatMap(({ account, program }) =>
    account === null ? [] : [`${account.url} ${program}`],
  )
  const wanted = new Map([...truth.clients].map((client) => [client, client]))
  pair('client', wanted, known, (client) => client, note)
}

/** The CA's word on what it issued. A certificate that nobody fetched is in no inventory. */
function compareIssued(
  { certificates: downloaded }: Truth,
  { certificates }: InventoryDump,
  issued: readonly IssuedCertificate[],
  note: Note,
): void {
  const known = new Map(certificates.map((one) => [one.serial, one]))
  const fetched = new Set([...downloaded.values()].map(({ serial }) => serial))
  for (const { serial, revoked } of issued) {
    const has = known.get(serial)
    if (has === undefined && fetched.has(serial))
      note(`the CA issued ${serial}, the inventory does not have it`)
    if (has !== undefined && (has.revokedAt !== null) !== revoked)
      note(`${serial}: the CA says it is ${revoked ? '' : 'not '}revoked, the inventory does not`)
  }
  const serials = new Set(issued.map(({ serial }) => serial))
  for (const serial of known.keys())
    if (!serials.has(serial)) note(`${serial} is in the inventory, the CA did not issue it`)
}

export function compareFiles({ certificates }: InventoryDump, onDisk: OnDisk, note: Note): void {
  const known = new Set(certificates.map(({ fingerprint }) => fingerprint))
  for (const [fingerprint, files] of onDisk)
    if (!known.has(fingerprint)) note(`${fingerprint} is not in the inventory, but in ${files.join(', ')}`)
}

/** What there is besides exchanges and their counts, which grow whenever acmetap itself asks a CA for its directory. */
export const OBJECTS: readonly (keyof InventoryDump)[] = [
  ...(['accounts', 'clients', 'orders', 'challenges'] as const),
  ...(['certificates', 'failures', 'rateLimits', 'pems'] as const),
]

/** What differs between two dumps of the same inventory, one line each: before and after a rebuild, say. */
export function dumpDifferences(
  before: InventoryDump,
  after: InventoryDump,
  kinds = Object.keys(before) as readonly (keyof InventoryDump)[],
): string[] {
  return kinds.flatMap((kind) => {
    const lines = (dump: InventoryDump) => {
      const value = dump[kind]
      return (Array.isArray(value) ? value : [value]).map((one) => JSON.stringify(one))
    }
    const [old, now] = [lines(before), lines(after)]
    const missing = old.filter((line) => !now.includes(line)).map((line) => `${kind}, only before: ${line}`)
    const added = now.filter((line) => !old.includes(line)).map((line) => `${kind}, only after: ${line}`)
    const order =
      missing.length + added.length === 0 && old.join('\n') !== now.join('\n')
        ? [`${kind}: another order`]
        : []
    return [...missing, ...added, ...order]
  })
}
