/** deSEC's API: one object for all values of a name, replaced as a whole; few writes a minute are taken. */
import { z } from 'zod'
import type { SolverConfig } from '../../config/engine-solvers.ts'
import type { Publisher } from '../publisher.ts'
import { credential, trusted, withoutSlash } from './provider/credential.ts'
import { createProvider, type ProviderParts } from './provider/provider.ts'
import { createRecordSetPublisher, type RecordSet } from './provider/record-set-publisher.ts'
import { nameWithin, type ProviderZone } from './provider/zones.ts'

type Settings = NonNullable<SolverConfig['desec']>

interface Zone extends ProviderZone {
  /** Seconds. */
  readonly minimum_ttl: number
}

const DOMAINS = z.array(z.object({ name: z.string(), minimum_ttl: z.number() }))
const SET = z.object({ records: z.array(z.string()), ttl: z.number() })

/** Throws EngineError (`input`) where the token can't be read. */
export function createDesec(name: string, settings: Settings, parts: ProviderParts): Publisher {
  const token = credential(name, 'token', { value: settings.token, file: settings.token_file })
  const provider = createProvider(
    {
      solver: name,
      title: 'deSEC',
      endpoint: withoutSlash(settings.endpoint),
      trust: trusted(name, settings.trust),
      authorize: () => ({ authorization: `Token ${token}` }),
      secrets: () => [token],
      whenUnknown: 'Make a new token, and write it as token; it may have ended for lack of use',
      whenForbidden:
        'Give the token a policy that lets it write TXT records of the domain, and look whether it is bound to other addresses',
    },
    parts,
  )
  return createRecordSetPublisher<Zone, RecordSet>(provider, {
    async zone(task) {
      const doing = 'the look for the domain'
      const path = `/domains/?owns_qname=${encodeURIComponent(task.about)}`
      const answer = await provider.expect({ path }, [200], doing, task)
      return provider.read(answer, DOMAINS, doing, task)[0] ?? null
    },
    async read(zone, task) {
      const doing = `the look for TXT records in domain ${zone.name}`
      const path = `${setsOf(zone)}${encodeURIComponent(nameWithin(task.about, zone))}/TXT/`
      const answer = await provider.expect({ path }, [200, 404], doing, task)
      if (answer.status === 404) return null
      const { records, ttl } = provider.read(answer, SET, doing, task)
      return { contents: records, ttl }
    },
    // It has no way to say what is to be replaced: only this process takes turns.
    async replace(zone, held, wanted, task) {
      const set = {
        subname: task.about === zone.name ? '' : nameWithin(task.about, zone),
        type: 'TXT',
        ttl: Math.max((wanted ?? held)?.ttl ?? 0, zone.minimum_ttl),
        records: wanted?.contents ?? [],
      }
      const doing = `the TXT records in domain ${zone.name}`
      await provider.expect({ method: 'PUT', path: setsOf(zone), json: [set] }, [200], doing, task)
      return ''
    },
    leastTtl: (zone) => zone.minimum_ttl,
  })
}

function setsOf({ name }: ProviderZone): string {
  return `/domains/${encodeURIComponent(name)}/rrsets/`
}
