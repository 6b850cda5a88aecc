/** Hetzner has two: DNS of the Cloud console, and the DNS console before it. */
import type { SolverConfig } from '../../config/engine-solvers.ts'
import type { Publisher } from '../publisher.ts'
import { createHetznerCloud } from './hetzner/cloud.ts'
import { createHetznerConsole } from './hetzner/dns-console.ts'
import { credential, trusted, withoutSlash } from './provider/credential.ts'
import { createProvider, type ProviderParts } from './provider/provider.ts'

type Settings = NonNullable<SolverConfig['hetzner']>

const ENDPOINTS = { cloud: 'https://api.hetzner.cloud/v1', dns: 'https://dns.hetzner.com/api/v1' } as const

/** Throws EngineError (`input`) where the token can't be read. */
export function createHetzner(name: string, settings: Settings, parts: ProviderParts): Publisher {
  const { api } = settings
  const token = credential(name, 'token', { value: settings.token, file: settings.token_file })
  const provider = createProvider(
    {
      solver: name,
      title: api === 'cloud' ? 'Hetzner Cloud' : 'Hetzner DNS',
      endpoint: withoutSlash(settings.endpoint ?? ENDPOINTS[api]),
      trust: trusted(name, settings.trust),
      authorize: () => (api === 'cloud' ? { authorization: `Bearer ${token}` } : { 'auth-api-token': token }),
      secrets: () => [token],
      whenUnknown:
        'Make a new API token in the console that has the zone, and set api to cloud or dns as that is',
      whenForbidden: 'Give the token the right to read and write',
    },
    parts,
  )
  return api === 'cloud' ? createHetznerCloud(provider) : createHetznerConsole(provider)
}
