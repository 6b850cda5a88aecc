/**
 * Where a client of a proxy wants to go: the authority-form of CONNECT and the absolute-form of `http://` requests
 * (RFC 9112 §3.2). One spelling per host is understood and everything else refused, for whatever reads a name
 * more leniently after us (a resolver, `inet_aton`) must not find another host in it.
 */
import { isIPv4, isIPv6 } from 'node:net'
import { canonicalAddress } from './client-address.ts'

export interface TargetHost {
  /** A DNS name in lower case without trailing dot, a dotted quad, or an IPv6 address in RFC 5952 form, without brackets. */
  readonly host: string
  readonly port: number
}

export interface AbsoluteTarget extends TargetHost {
  /** Path and query, byte for byte; `/` where the URL has none. */
  readonly path: string
}

/** `host:port` of a CONNECT request; null for anything that is not exactly that. */
export function parseConnectTarget(text: string): TargetHost | null {
  const parts = /^(\[[^\]]*\]|[^:[\]]*):(\d{1,5})$/.exec(text)
  return parts === null ? null : target(parts[1]!, parts[2]!)
}

/** An `http://` URL; null for any other scheme, with userinfo or a fragment, or with another spelling of a host. */
export function parseAbsoluteTarget(text: string): AbsoluteTarget | null {
  const parts = /^http:\/\/(\[[^\]]*\]|[^:[\]/?#@]*)(?::(\d{1,5}))?([/?][!-"$-~]*)?$/i.exec(text)
  if (parts === null) return null
  const found = target(parts[1]!, parts[2] ?? '80')
  if (found === null) return null
  const rest = parts[3] ?? '/'
  return { ...found, path: rest.startsWith('?') ? `/${rest}` : rest }
}

/** A `Host` value, with `port` where it names none; null where it is malformed. */
export function parseHostField(text: string, port: number): TargetHost | null {
  return parseConnectTarget(/:\d+$/.test(text) ? text : `${text}:${port}`)
}

/** How a host and port are written in a URL or `Host`; with `null`, as in CONNECT, which always names the port. */
export function authorityOf({ host, port }: TargetHost, defaultPort: number | null): string {
  const name = host.includes(':') ? `[${host}]` : host
  return port === defaultPort ? name : `${name}:${port}`
}

function target(name: string, digits: string): TargetHost | null {
  const port = Number(digits)
  if (digits.startsWith('0') || port > 65_535) return null
  const host = hostOf(name)
  return host === null ? null : { host, port }
}

const LABEL = /^(?!-)[a-z0-9-]{1,63}(?<!-)$/

function hostOf(text: string): string | null {
  if (text.startsWith('[')) {
    const address = text.slice(1, -1)
    // An IPv4 address in IPv6 clothes is another spelling of it; zone ids mean something on one host only.
    return isIPv6(address) && /^[0-9a-f:]+$/i.test(address) ? plainIPv6(canonicalAddress(address)) : null
  }
  if (isIPv4(text)) return text
  const name = text.toLowerCase().replace(/\.$/, '')
  if (name.length > 253) return null
  const labels = name.split('.')
  // A last label of digits, or hexadecimal digits after 0x, makes lenient readers see an IPv4 address.
  if (/^(\d+|0x[0-9a-f]*)$/.test(labels.at(-1)!)) return null
  return labels.every((label) => LABEL.test(label)) ? name : null
}

function plainIPv6(address: string): string | null {
  return address.includes('.') ? null : address
}
