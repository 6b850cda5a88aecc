import { quoted } from './words.ts'

const NOT_TLS = /^(?:wrong version number|packet length too long|http request)$/

/** What was wrong with a handshake, in Go's words for what OpenSSL says. */
export function tlsFault(
  error: Pick<NodeJS.ErrnoException, 'code' | 'message'> | null,
): readonly ['malformed' | 'tls', string] {
  // `400D2572947F0000:error:0A000460:SSL routines:ssl3_read_bytes:tlsv1 alert no application protocol:../deps/…`
  const [, reason] = /:SSL routines:[^:]{0,100}:([^:]{1,100}):/.exec(error?.message ?? '') ?? []
  if (reason === undefined) return ['tls', `tls: ${quoted(error?.code ?? error?.message ?? 'unknown', 80)}`]
  if (NOT_TLS.test(reason)) return ['malformed', 'Server only speaks HTTP, not TLS']
  const [, alert] = / alert (.+)$/.exec(reason) ?? []
  return ['tls', alert === undefined ? `tls: ${reason}` : `remote error: tls: ${alert}`]
}
