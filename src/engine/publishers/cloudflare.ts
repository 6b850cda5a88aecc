/** Cloudflare's API v4: zones by name, one object for each value. */
import { z } from 'zod'
import type { SolverConfig } from '../../config/engine-solvers.ts'
import type { Publisher } from '../publisher.ts'
import { credential, trusted, withoutSlash } from './provider/credential.ts'
import { parseJson } from './provider/explain-answer.ts'
import { createProvider, type ProviderAnswer, type ProviderParts } from './provider/provider.ts'
import { createRecordPublisher } from './provider/record-publisher.ts'
import { quoteTxt, readTxt } from './provider/txt-content.ts'
import { longestSuffix, type ProviderZone } from './provider/zones.ts'

type Settings = NonNullable<SolverConfig['cloudflare']>

interface Zone extends ProviderZone {
  readonly id: string
}

/** Seconds. Less is for some plans only. */
const LEAST_TTL = 60
const IDENTICAL = [81057, 81058]
const NOT_THERE = 81044
/** Of a field that no token has, and of a token that was taken back. */
const UNKNOWN_TOKEN = [6003, 9109, 1000]

const ZONES = z.object({ result: z.array(z.object({ id: z.string(), name: z.string() })) })
const RECORDS = z.object({ result: z.array(z.object({ id: z.string(), content: z.string() })) })
const ERRORS = z.object({ errors: z.array(z.object({ code: z.number() })) })

/** Throws EngineError (`input`) where the token can't be read. */
export function createCloudflare(name: string, settings: Settings, parts: ProviderParts): Publisher {
  const token = credential(name, 'token', { value: settings.token, file: settings.token_file })
  const provider = createProvider(
    {
      solver: name,
      title: 'Cloudflare',
      endpoint: withoutSlash(settings.endpoint),
      trust: trusted(name, settings.trust),
      authorize: () => ({ authorization: `Bearer ${token}` }),
      secrets: () => [token],
      unknown: (answer) => UNKNOWN_TOKEN.some((code) => complains(answer, code)),
      whenUnknown: 'Make a new API token, and write it as token',
      whenForbidden: 'Give the token the permissions Zone / Zone / Read and Zone / DNS / Edit for the zone',
    },
    parts,
  )
  return createRecordPublisher<Zone>(provider, {
    zone: longestSuffix(async (candidate, task) => {
      const doing = `the look for zone ${candidate}`
      const path = `/zones?name=${encodeURIComponent(candidate)}`
      const answer = await provider.expect({ path }, [200], doing, task)
      const { result } = provider.read(answer, ZONES, doing, task)
      return result.find((zone) => zone.name === candidate) ?? null
    }),
    async list(zone, task) {
      const doing = `the look for TXT records in zone ${zone.name}`
      const path = `${recordsOf(zone)}?type=TXT&name=${encodeURIComponent(task.about)}&per_page=1000`
      const answer = await provider.expect({ path }, [200], doing, task)
      const { result } = provider.read(answer, RECORDS, doing, task)
      return result.map(({ id, content }) => ({ id, value: readTxt(content) }))
    },
    async create(zone, { name: owner, value, ttl }, task) {
      const json = { type: 'TXT', name: owner, content: quoteTxt(value), ttl: Math.max(ttl, LEAST_TTL) }
      const call = { method: 'POST', path: recordsOf(zone), json, repeatable: true } as const
      const answer = await provider.call(call, task)
      if (answer.status === 200 || IDENTICAL.some((code) => complains(answer, code))) return
      throw provider.refusal(answer, `the TXT record in zone ${zone.name}`, task)
    },
    async remove(zone, id, task) {
      const path = `${recordsOf(zone)}/${encodeURIComponent(id)}`
      const answer = await provider.call({ method: 'DELETE', path }, task)
      if (answer.status === 200 || answer.status === 404 || complains(answer, NOT_THERE)) return
      throw provider.refusal(answer, `the removal of a TXT record from zone ${zone.name}`, task)
    },
  })
}

function recordsOf(zone: Zone): string {
  return `/zones/${encodeURIComponent(zone.id)}/dns_records`
}

function complains({ text }: ProviderAnswer, wanted: number): boolean {
  const read = ERRORS.safeParse(parseJson(text))
  return read.success && read.data.errors.some(({ code }) => code === wanted)
}
