import { isIP } from 'node:net'
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
  const read = endpointText.safeParse(text)
  if (!read.success) throw new PlaceError(`${shown(text)} ${read.error.issues[0]?.message}`)
  const [, bracketed, plain = '', digits, kind = null] = FORM.exec(read.data)!
  const host = bracketed ?? plain
  if (bracketed === undefined ? isIP(host) !== 4 && !isHostName(host) : isIP(host) !== 6)
    throw new PlaceError(`${shown(text)}: ${shown(host)} is neither a host name nor an address`)
  return placeOf(host, Number(digits), kind as StartTls | null)
}

const FORM = /^(?:\[([^\]]+)\]|([^:]+)):(\d+)(?:\/(.+))?$/

/** Of a host that was judged already: the name of a certificate, without brackets. */
export function placeOf(host: string, port: number, starttls: StartTls | null = null): Place {
  const written = isIP(host) === 6 ? `[${host}]` : host
  return { endpoint: `${written}:${port}${starttls === null ? '' : `/${starttls}`}`, host, port, starttls }
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 100))
}
