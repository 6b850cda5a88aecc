/** DigitalOcean's API v2: domains by name, one object for each value, in pages. */
import { z } from 'zod'
import type { SolverConfig } from '../../config/engine-solvers.ts'
import type { Publisher } from '../publisher.ts'
import { credential, trusted, withoutSlash } from './provider/credential.ts'
import { createProvider, type ProviderParts } from './provider/provider.ts'
import { createRecordPublisher } from './provider/record-publisher.ts'
import { readTxt } from './provider/txt-content.ts'
import { longestSuffix, nameWithin, type ProviderZone } from './provider/zones.ts'

type Settings = NonNullable<SolverConfig['digitalocean']>

/** Seconds. */
const LEAST_TTL = 30
const PAGE = 200
const MOST_PAGES = 50

const RECORDS = z.object({
  domain_records: z.array(
    z.object({ id: z.number(), type: z.string(), name: z.string(), data: z.string().nullable() }),
  ),
  links: z.object({ pages: z.object({ next: z.string().optional() }).optional() }).optional(),
})

/** Throws EngineError (`input`) where the token can't be read. */
export function createDigitalocean(name: string, settings: Settings, parts: ProviderParts): Publisher {
  const token = credential(name, 'token', { value: settings.token, file: settings.token_file })
  const provider = createProvider(
    {
      solver: name,
      title: 'DigitalOcean',
      endpoint: withoutSlash(settings.endpoint),
      trust: trusted(name, settings.trust),
      authorize: () => ({ authorization: `Bearer ${token}` }),
      secrets: () => [token],
      whenUnknown: 'Make a new API token, and write it as token',
      whenForbidden: 'Give the token the scopes domain:read, domain:create and domain:delete',
    },
    parts,
  )
  return createRecordPublisher<ProviderZone>(provider, {
    zone: longestSuffix(async (candidate, task) => {
      const answer = await provider.call({ path: `/domains/${encodeURIComponent(candidate)}` }, task)
      if (answer.status === 200) return { name: candidate }
      if (answer.status === 404) return null
      throw provider.refusal(answer, `the look for domain ${candidate}`, task)
    }),
    async list(zone, task) {
      const doing = `the look for TXT records in domain ${zone.name}`
      const found: { readonly id: string; readonly value: string }[] = []
      for (let page = 1; page <= MOST_PAGES; page += 1) {
        const query = `type=TXT&name=${encodeURIComponent(task.about)}&per_page=${PAGE}&page=${page}`
        const answer = await provider.expect({ path: `${recordsOf(zone)}?${query}` }, [200], doing, task)
        const { domain_records, links } = provider.read(answer, RECORDS, doing, task)
        for (const { id, type, name: at, data } of domain_records)
          if (type === 'TXT' && at === nameWithin(task.about, zone))
            found.push({ id: String(id), value: readTxt(data ?? '') })
        // Its URL is not followed: the token goes nowhere else.
        if (links?.pages?.next === undefined) break
      }
      return found
    },
    async create(zone, { name: owner, value, ttl }, task) {
      const json = {
        type: 'TXT',
        name: nameWithin(owner, zone),
        data: value,
        ttl: Math.max(ttl, LEAST_TTL),
      }
      const doing = `the TXT record in domain ${zone.name}`
      await provider.expect({ method: 'POST', path: recordsOf(zone), json }, [201], doing, task)
    },
    async remove(zone, id, task) {
      const doing = `the removal of a TXT record from domain ${zone.name}`
      await provider.expect({ method: 'DELETE', path: `${recordsOf(zone)}/${id}` }, [204, 404], doing, task)
    },
  })
}

function recordsOf({ name }: ProviderZone): string {
  return `/domains/${encodeURIComponent(name)}/records`
}
