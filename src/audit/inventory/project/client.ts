import type { StoredIntent } from '../../record-store.ts'

/** Who asks, but for the account. */
export interface ClientPlace {
  /** Digest of the address. */
  readonly source: string | null
  /** Digest of the proxy user; or `host:` and the Host of a relay, or the label of a broker's client. */
  readonly label: string | null
  readonly program: string | null
}

/** Null for what is no client: acmetap itself, or whoever asked for a host that is no CA. */
export function clientPlace({ mode, ca, personal, client, request }: StoredIntent): ClientPlace | null {
  if (mode === 'engine' || ca === null) return null
  const plain = mode === 'relay' ? request.authority : (client.label ?? null)
  return {
    source: personal.clientAddress ?? null,
    label: personal.proxyUser ?? (plain === null ? null : `host:${plain}`),
    program: productOf(client.userAgent).program,
  }
}

/** RFC 9110 §10.1.5: the first product of a User-Agent, and its version. */
export function productOf(userAgent: string | null): { program: string | null; version: string | null } {
  const [program = '', version] = (userAgent ?? '').trim().split(/\s/, 1)[0]!.split('/', 2)
  return { program: program === '' ? null : program, version: version ? version : null }
}

/**
 * Whether an exchange that shows no account makes a client of its own. Nobody becomes one by asking for what no ACME
 * client asks for.
 */
export function makesClient({ operation, jws }: StoredIntent, shown: string): boolean {
  return jws !== null || (operation !== 'unrecognised' && operation !== 'tunnel') || shown !== operation
}
