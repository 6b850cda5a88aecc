import type { AcmeClient } from '../support/peers/client.ts'
import type { Case, Operation } from './row.ts'

/** Why this can't work with this client, as measured; null where it should work. It is tried all the same. */
export function knownLimit(client: AcmeClient, { mode }: Case, operation: Operation): string | null {
  if (mode === 'intercept' && client.name === 'lacme')
    return 'lacme never uses a proxy and clears its environment: use mode sni'
  if (operation === 'revoke' && client.name === 'acmetool')
    return 'acmetool 0.2.2 notes what is to be revoked and never asks the CA for it'
  return null
}

/** What is worth knowing of a case that works. */
export function remark(client: AcmeClient, { variant }: Case): string | null {
  if (variant !== 'https:// proxy') return null
  const plain = { 'acme-tiny': "Python's urllib", 'ruby acme-client': "Ruby's Net::HTTP" }[client.name]
  return plain === undefined
    ? null
    : `${plain} speaks plain HTTP to an https:// proxy, which the port takes too`
}

/** Why a client lacks an operation; it is not tried. */
export const LACKING: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  certbot: {
    rollKey: 'certbot 2.1 has no command for it: --help all names register, unregister, update_account',
  },
  lego: {
    rollKey: 'lego 4.9 has no command for it: --help names run, revoke, renew, dnshelp, list',
    deactivate: 'lego 4.9 has no command for it: --help names run, revoke, renew, dnshelp, list',
  },
  dehydrated: {
    rollKey: 'dehydrated 0.7 has no command for it: --help names --register, --account, --deactivate',
  },
  acmetool: {
    rollKey: 'acmetool 0.2.2 has no command for it: --help names none',
    deactivate: 'acmetool 0.2.2 has no command for it: --help names none',
  },
  'acme-tiny': {
    revoke: 'acme-tiny has no revocation: --help names none',
    rollKey: 'acme-tiny only signs: --help names nothing else',
    deactivate: 'acme-tiny only signs: --help names nothing else',
  },
  lacme: {
    rollKey: 'lacme 0.8 has no command for it: its manual names account, newOrder, revokeCert',
    deactivate: 'lacme 0.8 has no command for it: its manual names account, newOrder, revokeCert',
  },
  caddy: {
    revoke: 'caddy 2 has no command that revokes',
    rollKey: 'caddy 2 has no command about accounts',
    deactivate: 'caddy 2 has no command about accounts',
  },
  mod_md: {
    revoke: 'mod_md has no directive that revokes',
    rollKey: 'mod_md has no directive about the key of its account',
    deactivate: 'mod_md has no directive that ends its account',
  },
  'python3-acme': { rollKey: 'python3-acme 2.1: ClientV2 has no method for keyChange' },
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
