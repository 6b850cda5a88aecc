import type { AcmeClient } from '../support/peers/client.ts'
import type { Case } from './row.ts'

/** Why this can't work with this client, as measured; null where it should work. It is tried all the same. */
export function knownLimit(client: AcmeClient, { mode, variant }: Case): string | null {
  if (mode === 'intercept' && client.name === 'lacme')
    return 'lacme never uses a proxy and clears its environment: use mode sni'
  if (variant !== 'https:// proxy') return null
  if (client.name === 'acme-tiny') return "Python's urllib speaks plain HTTP to an https:// proxy"
  if (client.name === 'ruby acme-client') return "Ruby's Net::HTTP speaks plain HTTP to an https:// proxy"
  return null
}

/** Why a client lacks an operation; it is not tried. */
export const LACKING: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'acme-tiny': { revoke: 'acme-tiny has no revocation: --help names none' },
  caddy: { revoke: 'caddy 2 has no command that revokes' },
  mod_md: { revoke: 'mod_md has no directive that revokes' },
}

/** Clients that are described in the documentation but can't be installed from Debian 12: by mode, what is known. */
export const DOCUMENTED: readonly {
  readonly client: string
  readonly reason: string
  readonly proxy: boolean
}[] = [
  { client: 'acme.sh', reason: 'not in Debian 12', proxy: true },
  { client: 'Traefik', reason: 'not in Debian', proxy: true },
  { client: 'cert-manager', reason: 'not in Debian; runs in Kubernetes', proxy: true },
  { client: 'win-acme', reason: 'runs on Windows', proxy: true },
  { client: 'step-ca (step)', reason: 'not in Debian', proxy: true },
  { client: 'HAProxy', reason: 'its ACME client came with 3.2; Debian 12 has 2.6', proxy: false },
  { client: 'acme-redirect', reason: 'not in Debian 12', proxy: true },
]
