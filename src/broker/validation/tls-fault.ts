import { quoted } from './words.ts'

/** What OpenSSL calls it, in Go's words. */
export function tlsFault(code: string): readonly ['malformed' | 'tls', string] {
  if (/WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST/.test(code))
    return ['malformed', 'Server only speaks HTTP, not TLS']
  const [, alert] = /ALERT_(?:NUMBER_)?([A-Z_]+)$/.exec(code) ?? []
  if (alert !== undefined) return ['tls', `remote error: tls: ${alert.toLowerCase().replaceAll('_', ' ')}`]
  return ['tls', `remote error: tls: ${quoted(code, 80)}`]
}
