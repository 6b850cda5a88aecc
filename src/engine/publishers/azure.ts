/** Azure DNS: tokens by client credentials; record sets with an etag, so that two writers lose nothing. */
import { z } from 'zod'
import type { SolverConfig } from '../../config/engine-solvers.ts'
import type { Publisher } from '../publisher.ts'
import { createAccessToken } from './provider/access-token.ts'
import { credential, trusted, withoutSlash } from './provider/credential.ts'
import { createProvider, type ProviderParts, type Task } from './provider/provider.ts'
import { createRecordSetPublisher, type RecordSet } from './provider/record-set-publisher.ts'
import { piecesOf, quotePieces } from './provider/txt-content.ts'
import { longestSuffix, nameWithin, type ProviderZone } from './provider/zones.ts'

type Settings = NonNullable<SolverConfig['azure']>

interface HeldSet extends RecordSet {
  readonly etag: string
  /** Of its owners; kept. */
  readonly metadata: Readonly<Record<string, string>> | undefined
}

const VERSION = 'api-version=2018-05-01'

const SET = z.object({
  etag: z.string().min(1),
  properties: z.object({
    TTL: z.number(),
    TXTRecords: z.array(z.object({ value: z.array(z.string()) })).default([]),
    metadata: z.record(z.string(), z.string()).optional(),
  }),
})

/** Throws EngineError (`input`) where the secret can't be read. */
export function createAzure(name: string, settings: Settings, parts: ProviderParts): Publisher {
  const { client_secret: secretValue, client_secret_file: secretFile } = settings
  const secret = credential(name, 'client_secret', { value: secretValue, file: secretFile })
  const management = withoutSlash(settings.endpoint)
  const shared = {
    solver: name,
    title: 'Azure DNS',
    trust: trusted(name, settings.trust),
    whenUnknown: 'Check tenant, client_id and client_secret; the secret may have ended',
    whenForbidden: `Give the application the role DNS Zone Contributor for the zone or resource group ${settings.resource_group}, and check subscription`,
  }
  const login = createProvider(
    {
      ...shared,
      endpoint: withoutSlash(settings.login),
      secrets: () => [secret],
      unknown: ({ status }) => status === 400,
    },
    parts,
  )
  const grant = async () =>
    ({
      method: 'POST',
      path: `/${encodeURIComponent(settings.tenant)}/oauth2/v2.0/token`,
      fields: { 'content-type': 'application/x-www-form-urlencoded' },
      text: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: settings.client_id,
        client_secret: secret,
        scope: `${management}/.default`,
      }).toString(),
      repeatable: true,
    }) as const
  const token = createAccessToken(login, grant, parts.clock)
  const group = `/subscriptions/${encodeURIComponent(settings.subscription)}/resourceGroups/${encodeURIComponent(settings.resource_group)}`
  const provider = createProvider(
    {
      ...shared,
      endpoint: `${management}${group}/providers/Microsoft.Network/dnsZones`,
      authorize: async (_call, task) => ({ authorization: `Bearer ${await token.of(task)}` }),
      renew: () => token.forget(),
      secrets: () => [secret, ...token.shown()],
    },
    parts,
  )

  return createRecordSetPublisher<ProviderZone, HeldSet>(provider, {
    zone: longestSuffix(async (candidate, task) => {
      const answer = await provider.call({ path: `/${encodeURIComponent(candidate)}?${VERSION}` }, task)
      if (answer.status === 200) return { name: candidate }
      if (answer.status === 404) return null
      // A role for one zone says nothing of others.
      if (answer.status === 403) return 'forbidden'
      throw provider.refusal(answer, `the look for zone ${candidate}`, task)
    }),
    async read(zone, task) {
      const doing = `the look for TXT records in zone ${zone.name}`
      const answer = await provider.expect({ path: setOf(zone, task) }, [200, 404], doing, task)
      if (answer.status === 404) return null
      const { etag, properties } = provider.read(answer, SET, doing, task)
      return {
        etag,
        metadata: properties.metadata,
        contents: properties.TXTRecords.map(({ value }) => quotePieces(value)),
        ttl: properties.TTL,
      }
    },
    async replace(zone, held, wanted, task) {
      const path = setOf(zone, task)
      const fields: Record<string, string> =
        held === null ? { 'if-none-match': '*' } : { 'if-match': held.etag }
      const doing = `the TXT records in zone ${zone.name}`
      const call =
        wanted === null
          ? ({ method: 'DELETE', path, fields } as const)
          : ({
              method: 'PUT',
              path,
              fields,
              json: {
                properties: {
                  ...(held?.metadata === undefined ? {} : { metadata: held.metadata }),
                  TTL: wanted.ttl,
                  TXTRecords: wanted.contents.map((content) => ({ value: piecesOf(content) })),
                },
              },
            } as const)
      const answer = await provider.call(call, task)
      if ([409, 412].includes(answer.status)) return null
      if (![200, 201, 204].includes(answer.status)) throw provider.refusal(answer, doing, task)
      return ''
    },
    leastTtl: () => 1,
  })
}

function setOf(zone: ProviderZone, { about }: Task): string {
  return `/${encodeURIComponent(zone.name)}/TXT/${encodeURIComponent(nameWithin(about, zone))}?${VERSION}`
}
