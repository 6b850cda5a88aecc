/** What it takes to lead clients that were seen in relay or intercept to an endpoint of the broker. Pure. */
import type { InventoriedCertificate } from '../../audit/inventory/certificate.ts'
import type { Client } from '../../audit/inventory/client.ts'

export interface MigrationInput {
  /** Of the inventory: all of them. */
  readonly clients: readonly Client[]
  readonly certificates: readonly InventoriedCertificate[]
  /** Modes that are moved from. */
  readonly from: readonly string[]
  /** Names under `cas`. */
  readonly cas: readonly string[]
}

/** A team's worth of clients: the same label, or the same program on the same machine. */
export interface Move {
  readonly label: string
  /** Program and source, for people. */
  readonly who: readonly string[]
  readonly certificates: number
  /** CAs it had certificates from, the most used first. */
  readonly cas: readonly string[]
  /** Patterns of a policy, that an EAB key or a label is made for. */
  readonly names: readonly string[]
  readonly profiles: readonly string[]
  /** label: it knows no external account binding, so the path says who it is, from `from` only. */
  readonly how: 'eab' | 'label' | 'stays'
  readonly from: readonly string[]
  /** Why it stays, or what to look at. */
  readonly why: string | null
}

/** A certificate of a client that acmetap never saw. */
export interface Direct {
  readonly host: string
  readonly path: string
  readonly names: readonly string[]
  readonly why: string
}

export interface Migration {
  readonly moves: readonly Move[]
  readonly direct: readonly Direct[]
  /** CAs in the order the endpoint tries them: the most used first. */
  readonly cas: readonly string[]
}

/** Programs that know no external account binding. */
const UNBOUND = /^(?:acme-tiny|lacme|haproxy)/i
/** An EAB key holds no more patterns than that; then whole zones stand for their names. */
const MOST_NAMES = 200

export function proposeMigration(input: MigrationInput): Migration {
  const { clients, certificates, from, cas } = input
  const moved = clients.filter(
    ({ account, modes }) => account !== null && modes.some((mode) => from.includes(mode)),
  )
  const groups = new Map<string, Client[]>()
  for (const client of moved) {
    const label = labelOf(client)
    groups.set(label, [...(groups.get(label) ?? []), client])
  }
  const byClient = Map.groupBy(certificates, ({ client }) => client)
  const moves = [...groups].map(([label, all]) =>
    moveOf(
      label,
      all,
      all.flatMap(({ id }) => byClient.get(id) ?? []),
      cas,
    ),
  )
  const used = moves.filter(({ how }) => how !== 'stays').flatMap((move) => move.cas)
  return {
    moves: moves.sort((a, b) => b.certificates - a.certificates || (a.label < b.label ? -1 : 1)),
    direct: certificates.flatMap(directOf),
    cas: byCount(used),
  }
}

function moveOf(
  label: string,
  clients: readonly Client[],
  certificates: readonly InventoriedCertificate[],
  known: readonly string[],
): Move {
  const identifiers = certificates.flatMap((one) => one.identifiers)
  const names = [
    ...new Set(identifiers.flatMap(({ type, value }) => (type === 'dns' ? [value.toLowerCase()] : []))),
  ]
  const addresses = [...new Set(identifiers.flatMap(({ type, value }) => (type === 'ip' ? [value] : [])))]
  const cas = byCount(certificates.flatMap(({ ca }) => (ca === null || !known.includes(ca) ? [] : [ca])))
  const sources = [...new Set(clients.flatMap(({ source }) => source ?? []))].sort()
  const unbound = clients.some(({ program }) => UNBOUND.test(program ?? ''))
  const stays = staysBecause({ names, addresses, cas, unbound, sources, certificates: certificates.length })
  return {
    label,
    who: [
      ...new Set(clients.map(({ program, source }) => `${program ?? 'unknown'} at ${source ?? 'unknown'}`)),
    ].sort(),
    certificates: certificates.length,
    cas,
    names: patternsOf(names),
    profiles: [...new Set(certificates.flatMap(({ profile }) => profile ?? []))].sort(),
    how: stays !== null ? 'stays' : unbound ? 'label' : 'eab',
    from: unbound ? sources.map((source) => `${source}/${source.includes(':') ? 128 : 32}`) : [],
    why: stays,
  }
}

function staysBecause(seen: {
  readonly names: readonly string[]
  readonly addresses: readonly string[]
  readonly cas: readonly string[]
  readonly unbound: boolean
  readonly sources: readonly string[]
  readonly certificates: number
}): string | null {
  if (seen.certificates === 0) return 'no certificate of it was seen, so nobody knows its names'
  if (seen.addresses.length > 0)
    return `it has certificates for the address ${seen.addresses[0]}, and keys and labels are for names: give it an endpoint with proof: challenge`
  if (seen.names.length === 0) return 'its certificates have no DNS name'
  if (seen.cas.length === 0) return 'its CA is not under cas any more'
  if (seen.unbound && seen.sources.length === 0)
    return 'its program knows no external account binding, and its address is not known, so a label could count from nowhere'
  return null
}

/** As they are; where there are too many for one key, the zones above them. */
function patternsOf(names: readonly string[]): readonly string[] {
  if (names.length <= MOST_NAMES) return [...names].sort()
  return [...new Set(names.map((name) => `.${zoneOf(name)}`))].sort()
}

/** The name above, where there is one that is nobody's suffix for certain. */
export function zoneOf(name: string): string {
  const labels = name.replace(/^\*\./, '').split('.')
  return labels.length > 2 ? labels.slice(1).join('.') : labels.join('.')
}

/** A proxy user is a label already; else program and address. In relay the Host is the label of all. */
function labelOf({ label, modes, program, source }: Client): string {
  const own = modes.includes('intercept') && label !== null ? label : null
  const text = own ?? `${program ?? 'client'}-${source ?? 'unknown'}`
  const plain = text
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-')
    .replace(/^[^a-z0-9]+/, '')
  return plain.slice(0, 64) || 'client'
}

function directOf({ source, imported, identifiers, replacedBy }: InventoriedCertificate): Direct[] {
  if (source !== 'imported' || imported === null || replacedBy !== null) return []
  const why = imported.unmanaged
    ? 'its client takes neither proxy nor root: give it the directory URL and an EAB key by hand'
    : 'it was found on the machine, and none of its requests came by here'
  return [{ host: imported.host, path: imported.path, names: identifiers.map(({ value }) => value), why }]
}

function byCount(words: readonly string[]): string[] {
  const counts = new Map<string, number>()
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1)
  return [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).map(([word]) => word)
}
