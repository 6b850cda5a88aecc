import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'
import { isHostName } from '../../ca/resolve.ts'
import { endpointText, type STARTTLS } from '../endpoint.ts'

export type StartTls = (typeof STARTTLS)[number]

/** A place of the watch list, read. */
export interface Place {
  /** One spelling for each place: lower case, RFC 5952, no trailing dot. */
  readonly endpoint: string
  /** DNS name, or IP address without brackets. */
  readonly host: string
  readonly port: number
  /** Null where TLS begins at once. */
  readonly starttls: StartTls | null
}

/** Text that names no place. The message says what is wrong with it. */
export class PlaceError extends Error {}

/** Reads `host:port`, `[IPv6]:port`, with `/KIND` for STARTTLS. Throws {@link PlaceError}. */
export function readPlace(text: string): Place {
  const form = endpointText.safeParse(text)
  const parts = /^(?:\[([^\]]+)\]|([^:]+)):(\d+)(?:\/(.+))?$/.exec(text)
  if (!form.success || parts === null) {
    throw new PlaceError(`${shown(text)} ${form.error?.issues[0]?.message ?? 'must be host:port'}`)
  }
  const [, bracketed, plain = '', digits, kind = null] = parts
  const port = Number(digits)
  if (port < 1 || port > 65_535) throw new PlaceError(`${shown(text)} has no port from 1 to 65535`)
  const host = bracketed === undefined ? hostOf(plain, text) : addressOf(bracketed, text)
  return placeOf(host, port, kind as StartTls | null)
}

/** Of a host that was judged already: the name of a certificate, without brackets. */
export function placeOf(host: string, port: number, starttls: StartTls | null = null): Place {
  const written = isIP(host) === 6 ? `[${host}]` : host
  return { endpoint: `${written}:${port}${starttls === null ? '' : `/${starttls}`}`, host, port, starttls }
}

function hostOf(text: string, whole: string): string {
  const host = text.toLowerCase().replace(/\.$/, '')
  if (isIP(host) === 4 || isHostName(host)) return host
  throw new PlaceError(`${shown(whole)}: ${shown(text)} is neither a host name nor an address`)
}

function addressOf(text: string, whole: string): string {
  if (isIP(text) === 6) return ipaddr.IPv6.parse(text).toString()
  throw new PlaceError(`${shown(whole)}: ${shown(text)} is no IPv6 address`)
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 100))
}
