/** The DNS console's API: one object for each value, in pages. */
import { z } from 'zod'
import type { Publisher } from '../../publisher.ts'
import type { Provider } from '../provider/provider.ts'
import { createRecordPublisher } from '../provider/record-publisher.ts'
import { readTxt } from '../provider/txt-content.ts'
import { longestSuffix, nameWithin, type ProviderZone } from '../provider/zones.ts'

interface Zone extends ProviderZone {
  readonly id: string
}

/** Seconds. */
const LEAST_TTL = 60
const PAGE = 100
const MOST_PAGES = 100

const ZONES = z.object({ zones: z.array(z.object({ id: z.string(), name: z.string() })) })
const RECORDS = z.object({
  records: z.array(z.object({ id: z.string(), type: z.string(), name: z.string(), value: z.string() })),
  meta: z.object({ pagination: z.object({ last_page: z.number() }) }).optional(),
})

export function createHetznerConsole(provider: Provider): Publisher {
  return createRecordPublisher<Zone>(provider, {
    zone: longestSuffix(async (candidate, task) => {
      const doing = `the look for zone ${candidate}`
      const path = `/zones?name=${encodeURIComponent(candidate)}`
      const answer = await provider.expect({ path }, [200, 404], doing, task)
      if (answer.status === 404) return null
      const { zones } = provider.read(answer, ZONES, doing, task)
      return zones.find((zone) => zone.name === candidate) ?? null
    }),
    async list(zone, task) {
      const doing = `the look for TXT records in zone ${zone.name}`
      const found: { readonly id: string; readonly value: string }[] = []
      for (let page = 1, last = 1; page <= Math.min(last, MOST_PAGES); page += 1) {
        const path = `/records?zone_id=${encodeURIComponent(zone.id)}&per_page=${PAGE}&page=${page}`
        const answer = await provider.expect({ path }, [200], doing, task)
        const { records, meta } = provider.read(answer, RECORDS, doing, task)
        for (const { id, type, name, value } of records)
          if (type === 'TXT' && name === nameWithin(task.about, zone))
            found.push({ id, value: readTxt(value) })
        last = meta?.pagination.last_page ?? 1
      }
      return found
    },
    async create(zone, { name, value, ttl }, task) {
      const json = {
        zone_id: zone.id,
        type: 'TXT',
        name: nameWithin(name, zone),
        value,
        ttl: Math.max(ttl, LEAST_TTL),
      }
      const doing = `the TXT record in zone ${zone.name}`
      await provider.expect({ method: 'POST', path: '/records', json }, [200, 201], doing, task)
    },
    async remove(zone, id, task) {
      const doing = `the removal of a TXT record from zone ${zone.name}`
      const path = `/records/${encodeURIComponent(id)}`
      await provider.expect({ method: 'DELETE', path }, [200, 404], doing, task)
    },
  })
}
