/** The one zone the responder is the authority for, and what stands in it at the moment. */
import type { Rcode } from './dns-answer.ts'
import { addressRecord, type RecordData, type ResourceRecord, TYPES } from './resource-record.ts'

export interface ZoneSettings {
  readonly zone: string
  readonly nameserver: string
  readonly addresses: readonly string[]
  readonly contact?: string | undefined
}

export interface Found {
  readonly rcode: Extract<Rcode, 'NOERROR' | 'NXDOMAIN' | 'REFUSED'>
  readonly answers: readonly ResourceRecord[]
  /** For an answer without records its SOA record (RFC 2308 §3). */
  readonly authorities: readonly ResourceRecord[]
  /** Addresses of the nameserver; can be left out. */
  readonly additionals: readonly ResourceRecord[]
}

/** Values of registrations by subdomain; undefined where there is none. */
export type RegisteredValues = (subdomain: string) => readonly string[] | undefined

/** Seconds. What is not there may be there a second later. */
const NEGATIVE_TTL = 1
const REGISTERED_TTL = 1
const STANDING_TTL = 3600

/** At one name; more cannot be sent in one message. */
export const MOST_VALUES = 1000

const REFUSED: Found = { rcode: 'REFUSED', answers: [], authorities: [], additionals: [] }

export class Zone {
  readonly name: string
  readonly #settings: ZoneSettings
  readonly #registered: RegisteredValues
  readonly #mailbox: readonly string[]
  /** Of a name its values with their TTL. */
  readonly #published = new Map<string, Map<string, number>>()
  /** How many published names lie below a name: so it exists itself (RFC 8020). */
  readonly #below = new Map<string, number>()
  #serial: number

  /** `now`: seconds since 1970, the serial number of the beginning. */
  constructor(settings: ZoneSettings, registered: RegisteredValues, now: number) {
    this.name = settings.zone
    this.#settings = settings
    this.#registered = registered
    this.#mailbox = mailboxOf(settings.contact, settings.zone)
    this.#serial = now >>> 0
    this.#countAbove(settings.nameserver, 1)
  }

  holds(name: string): boolean {
    return name === this.name || name.endsWith(`.${this.name}`)
  }

  /** Something stands there now that did not, or no more. `now`: seconds since 1970. */
  changed(now: number): void {
    this.#serial = Math.max(this.#serial + 1, now) >>> 0
  }

  /** False where the name has as many values as can be sent. */
  publish(name: string, value: string, ttl: number, now: number): boolean {
    let values = this.#published.get(name)
    if (values === undefined) {
      values = new Map()
      this.#published.set(name, values)
      this.#countAbove(name, 1)
    }
    if (!values.has(value) && values.size >= MOST_VALUES) return false
    values.set(value, ttl)
    this.changed(now)
    return true
  }

  withdraw(name: string, value: string, now: number): void {
    const values = this.#published.get(name)
    if (values === undefined || !values.delete(value)) return
    if (values.size === 0) {
      this.#published.delete(name)
      this.#countAbove(name, -1)
    }
    this.changed(now)
  }

  /** `name` in lower case. REFUSED for what is not in the zone. */
  find(name: string, type: number): Found {
    if (!this.holds(name)) return REFUSED
    const records = this.#recordsAt(name)
    if (records === null) return { ...REFUSED, rcode: 'NXDOMAIN', authorities: [this.#soa(NEGATIVE_TTL)] }
    if (type === TYPES.ANY) {
      // RFC 8482 §4.2.
      const data: RecordData = { type: 'HINFO', cpu: 'RFC8482', os: '' }
      return { ...REFUSED, rcode: 'NOERROR', answers: [{ owner: name, ttl: STANDING_TTL, data }] }
    }
    const answers = records.filter(({ data }) => TYPES[data.type] === type)
    if (answers.length === 0) return { ...REFUSED, rcode: 'NOERROR', authorities: [this.#soa(NEGATIVE_TTL)] }
    const additionals = type === TYPES.NS ? this.#addresses() : []
    return { rcode: 'NOERROR', answers, authorities: [], additionals }
  }

  /** Null where the name does not exist. */
  #recordsAt(name: string): readonly ResourceRecord[] | null {
    const records: ResourceRecord[] = [...this.#texts(name)]
    const isApex = name === this.name
    if (isApex) {
      const data: RecordData = { type: 'NS', target: this.#settings.nameserver }
      records.push(this.#soa(STANDING_TTL), { owner: name, ttl: STANDING_TTL, data })
    }
    if (name === this.#settings.nameserver) records.push(...this.#addresses())
    const exists =
      records.length > 0 ||
      name === this.#settings.nameserver ||
      this.#below.has(name) ||
      this.#registeredAt(name) !== undefined
    return exists ? records : null
  }

  #texts(owner: string): readonly ResourceRecord[] {
    const values = new Map<string, number>()
    for (const text of this.#registeredAt(owner) ?? []) values.set(text, REGISTERED_TTL)
    for (const [text, ttl] of this.#published.get(owner) ?? []) values.set(text, ttl)
    // RFC 2181 §5.2: records of one set have one TTL.
    const ttl = Math.min(...values.values())
    return [...values.keys()].map((text) => ({ owner, ttl, data: { type: 'TXT', text } }))
  }

  #registeredAt(name: string): readonly string[] | undefined {
    const label = name.slice(0, -this.name.length - 1)
    return label === '' || label.includes('.') ? undefined : this.#registered(label)
  }

  #addresses(): readonly ResourceRecord[] {
    const { nameserver, addresses } = this.#settings
    if (!this.holds(nameserver)) return []
    return addresses.map((address) => addressRecord(nameserver, address, STANDING_TTL))
  }

  #soa(ttl: number): ResourceRecord {
    return {
      owner: this.name,
      ttl,
      data: {
        type: 'SOA',
        nameserver: this.#settings.nameserver,
        mailbox: this.#mailbox,
        serial: this.#serial,
        refresh: 3600,
        retry: 600,
        expire: 604_800,
        minimum: NEGATIVE_TTL,
      },
    }
  }

  #countAbove(name: string, by: 1 | -1): void {
    if (!this.holds(name)) return
    for (let rest = name; rest !== this.name; ) {
      rest = rest.slice(rest.indexOf('.') + 1)
      const count = (this.#below.get(rest) ?? 0) + by
      if (count === 0) this.#below.delete(rest)
      else this.#below.set(rest, count)
    }
  }
}

/** RFC 1035 §8: what stands before the @ is one label. */
function mailboxOf(contact: string | undefined, zone: string): readonly string[] {
  const at = contact?.lastIndexOf('@') ?? -1
  if (contact === undefined || at < 1 || at > 63) return ['hostmaster', ...zone.split('.')]
  return [
    contact.slice(0, at),
    ...contact
      .slice(at + 1)
      .toLowerCase()
      .split('.'),
  ]
}
