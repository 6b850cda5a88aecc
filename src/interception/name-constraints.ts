/**
 * The name constraints of our own roots (RFC 5280 §4.2.1.10), written and read as DER.
 *
 * What is permitted is listed; every other kind of name is closed. Verifiers disagree about empty constraints
 * of mail addresses, URIs and DNS names, so a kind is closed with a name that can't exist, `invalid` (RFC 6761
 * §6.4): it is the only one permitted and it is excluded as well. Addresses are closed with the whole range; but where
 * only one family is permitted the other is closed like names, with the address that no host has (all ones), because
 * Java holds addresses of one family against ranges of the other and fails.
 * directoryName is left out: Go refuses every chain whose critical constraints contain one. So one hole stays:
 * OpenSSL holds a common name against the constraints only when it has a dot, and a certificate with nothing but
 * `CN=localhost` passes its clients. And Java takes no constraints at all from a certificate it trusts directly.
 *
 * Subdomains of a permitted name stay permitted, as the RFC has it. Excluding `.host` closes them for GnuTLS and Java,
 * but the RFC gives a leading dot no meaning in a DNS name, so that other verifiers may refuse every leaf because of
 * it, and who answers for a CA's host answers for its subdomains as well.
 */
import ipaddr from 'ipaddr.js'

/** DNS names in lower case without a trailing dot, and IP addresses as text. */
export interface SubjectNames {
  readonly dns: readonly string[]
  readonly ips: readonly string[]
}

export const NAME_CONSTRAINTS_OID = '2.5.29.30'

const RFC822_NAME = 0x81
const DNS_NAME = 0x82
const URI = 0x86
const IP_ADDRESS = 0x87
const SEQUENCE = 0x30
const PERMITTED = 0xa0
const EXCLUDED = 0xa1
const NOTHING = Buffer.from('invalid')

/** DER of a NameConstraints value that permits exactly these names (and, as the RFC has it, their subdomains). */
export function encodeNameConstraints(names: SubjectNames): Buffer {
  const permitted: Buffer[] = []
  const excluded: Buffer[] = []
  const close = (tag: number) => {
    permitted.push(subtree(tag, NOTHING))
    excluded.push(subtree(tag, NOTHING))
  }
  for (const name of names.dns) permitted.push(subtree(DNS_NAME, Buffer.from(name, 'ascii')))
  if (names.dns.length === 0) close(DNS_NAME)
  const addresses = names.ips.map((ip) => Buffer.from(ipaddr.parse(ip).toByteArray()))
  for (const address of addresses) permitted.push(subtree(IP_ADDRESS, exactly(address)))
  for (const size of [4, 16]) {
    if (addresses.length === 0) {
      excluded.push(subtree(IP_ADDRESS, Buffer.alloc(size * 2)))
    } else if (!addresses.some((address) => address.length === size)) {
      const nowhere = subtree(IP_ADDRESS, exactly(Buffer.alloc(size, 0xff)))
      permitted.push(nowhere)
      excluded.push(nowhere)
    }
  }
  close(RFC822_NAME)
  close(URI)
  return tlv(SEQUENCE, tlv(PERMITTED, ...permitted), tlv(EXCLUDED, ...excluded))
}

/** The names a NameConstraints value permits. Throws RangeError on what is no such value. */
export function decodePermittedNames(der: Uint8Array): SubjectNames {
  const { permitted } = subtrees(der)
  return {
    dns: permitted.filter(({ tag, content }) => tag === DNS_NAME && !NOTHING.equals(content)).map(asText),
    ips: permitted
      .filter(({ tag, content }) => tag === IP_ADDRESS && !isNowhere(content))
      .map(({ content }) => ipaddr.fromByteArray([...content.subarray(0, content.length / 2)]).toString()),
  }
}

/**
 * The kinds of names that a NameConstraints value does not close, in words. What counts as closed is what
 * {@link encodeNameConstraints} writes, for that is what verifiers of every family were seen to respect.
 * Throws RangeError on what is no such value.
 */
export function leftOpen(der: Uint8Array): string[] {
  const { permitted, excluded } = subtrees(der)
  const of = (tag: number) => permitted.filter((one) => one.tag === tag).map(({ content }) => content)
  const nothing = (bases: readonly Uint8Array[]) =>
    bases.length > 0 && bases.every((base) => NOTHING.equals(base))
  const open: string[] = []
  if (of(DNS_NAME).length === 0 || of(DNS_NAME).some((base) => base.length === 0)) open.push('DNS names')
  for (const [family, size] of [
    ['IPv4', 4],
    ['IPv6', 16],
  ] as const) {
    const ranges = of(IP_ADDRESS).filter((range) => range.length === size * 2)
    const closed = excluded.some(
      ({ tag, content }) =>
        tag === IP_ADDRESS && content.length === size * 2 && content.every((octet) => octet === 0),
    )
    if (ranges.length === 0 && !closed) open.push(`${family} addresses`)
    if (ranges.some((range) => range.subarray(size).some((octet) => octet !== 0xff))) {
      open.push(`whole networks of ${family} addresses`)
    }
  }
  if (!nothing(of(RFC822_NAME))) open.push('mail addresses')
  if (!nothing(of(URI))) open.push('URIs')
  return open
}

/** Those of `names` that `permitted` does not cover; a subdomain of a permitted name is covered. */
export function namesNotCovered(permitted: SubjectNames, names: SubjectNames): string[] {
  const addresses = new Set(permitted.ips.map(canonicalAddress))
  return [
    ...names.dns.filter(
      (name) => !permitted.dns.some((allowed) => name === allowed || name.endsWith(`.${allowed}`)),
    ),
    ...names.ips.filter((ip) => !addresses.has(canonicalAddress(ip))),
  ]
}

/**
 * Sort configured names into DNS names and addresses; brackets around IPv6 are allowed.
 * Throws RangeError naming the first one that is neither.
 */
export function subjectNames(names: readonly string[]): SubjectNames {
  const dns = new Set<string>()
  const ips = new Set<string>()
  for (const name of names) {
    const bare = name.startsWith('[') && name.endsWith(']') ? name.slice(1, -1) : name
    if (ipaddr.IPv4.isValidFourPartDecimal(bare) || (ipaddr.IPv6.isValid(bare) && !bare.includes('%'))) {
      ips.add(canonicalAddress(bare))
    } else if (isHostName(name)) {
      dns.add(name.toLowerCase())
    } else {
      throw new RangeError(`${JSON.stringify(name)} is neither a DNS name nor an IP address`)
    }
  }
  return { dns: [...dns], ips: [...ips] }
}

const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/i

function isHostName(name: string): boolean {
  const labels = name.split('.')
  return (
    name.length <= 253 && labels.every((label) => LABEL.test(label)) && !/^\d+$/.test(labels.at(-1) ?? '')
  )
}

function exactly(address: Buffer): Buffer {
  return Buffer.concat([address, Buffer.alloc(address.length, 0xff)])
}

function isNowhere(range: Uint8Array): boolean {
  return range.every((octet) => octet === 0xff)
}

function canonicalAddress(ip: string): string {
  return ipaddr.parse(ip).toString()
}

function subtree(tag: number, name: Buffer): Buffer {
  return tlv(SEQUENCE, tlv(tag, name))
}

function tlv(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts)
  const size = content.length
  const length = size < 0x80 ? [size] : size < 0x100 ? [0x81, size] : [0x82, size >> 8, size & 0xff]
  return Buffer.concat([Buffer.from([tag, ...length]), content])
}

interface Element {
  readonly tag: number
  readonly content: Uint8Array
}

function subtrees(der: Uint8Array): { permitted: Element[]; excluded: Element[] } {
  const [outer] = elements(der)
  const halves = elements(outer?.content ?? new Uint8Array())
  const bases = (tag: number) =>
    halves
      .filter((half) => half.tag === tag)
      .flatMap((half) => elements(half.content).flatMap(({ content }) => elements(content).slice(0, 1)))
  return { permitted: bases(PERMITTED), excluded: bases(EXCLUDED) }
}

function elements(der: Uint8Array): Element[] {
  const found: Element[] = []
  let at = 0
  while (at < der.length) {
    const tag = der[at] ?? 0
    let size = der[at + 1] ?? 0
    at += 2
    if (size > 0x80) {
      const octets = size & 0x7f
      size = der.subarray(at, at + octets).reduce((sum, octet) => sum * 256 + octet, 0)
      at += octets
    }
    if (at + size > der.length) throw new RangeError('truncated name constraints')
    found.push({ tag, content: der.subarray(at, at + size) })
    at += size
  }
  return found
}

function asText({ content }: Element): string {
  return Buffer.from(content).toString('latin1')
}
