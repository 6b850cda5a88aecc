/** OVHcloud's API: requests signed with two secrets and its own time; changes are served after a refresh of the zone. */
import { hash } from 'node:crypto'
import { z } from 'zod'
import type { SolverConfig } from '../../config/engine-solvers.ts'
import type { Publisher } from '../publisher.ts'
import { credential, trusted, withoutSlash } from './provider/credential.ts'
import { parseJson } from './provider/explain-answer.ts'
import {
  createProvider,
  type OutgoingCall,
  type ProviderAnswer,
  type ProviderParts,
  type Task,
} from './provider/provider.ts'
import { createRecordPublisher } from './provider/record-publisher.ts'
import { quoteTxt, readTxt } from './provider/txt-content.ts'
import { longestSuffix, nameWithin, type ProviderZone } from './provider/zones.ts'

type Settings = NonNullable<SolverConfig['ovh']>

/** Seconds. */
const LEAST_TTL = 60
const UNKNOWN = ['INVALID_CREDENTIAL', 'INVALID_KEY', 'INVALID_SIGNATURE', 'NOT_CREDENTIAL']

const SECONDS = z.int().positive()
const IDS = z.array(z.number())
const RECORD = z.object({ target: z.string() })
const ERROR = z.object({ errorCode: z.string() })

export interface OvhKeys {
  readonly application: string
  readonly secret: string
  readonly consumer: string
}

/** `X-Ovh-Signature` at `seconds` since 1970. */
export function signOvh({ secret, consumer }: OvhKeys, call: OutgoingCall, seconds: number): string {
  const signed = [secret, consumer, call.method, call.url, call.body, seconds].join('+')
  return `$1$${hash('sha1', signed, 'hex')}`
}

/** Throws EngineError (`input`) where a secret can't be read. */
export function createOvh(name: string, settings: Settings, parts: ProviderParts): Publisher {
  const { application_secret: secret, application_secret_file: secretFile } = settings
  const { consumer_key: consumer, consumer_key_file: consumerFile } = settings
  const keys: OvhKeys = {
    application: settings.application_key,
    secret: credential(name, 'application_secret', { value: secret, file: secretFile }),
    consumer: credential(name, 'consumer_key', { value: consumer, file: consumerFile }),
  }
  const shared = {
    solver: name,
    title: 'OVHcloud',
    endpoint: withoutSlash(settings.endpoint),
    trust: trusted(name, settings.trust),
    secrets: () => [keys.secret, keys.consumer],
    whenUnknown:
      'Check application_key, application_secret and consumer_key; the consumer key may have ended, or the endpoint is of another region',
    whenForbidden: 'Make a consumer key with GET, POST and DELETE on /domain/zone/*',
  }
  /** Seconds that its clock is ahead of our monotonic one, once it has said so. */
  let ahead: number | null = null
  const seconds = () => Math.floor(parts.clock.now().monotonic / 1_000_000)
  const open = createProvider(shared, parts)

  const timeThere = async (task: Task): Promise<number> => {
    if (ahead === null) {
      const doing = 'the question for its time'
      const answer = await open.expect({ path: '/auth/time' }, [200], doing, task)
      ahead = open.read(answer, SECONDS, doing, task) - seconds()
    }
    return seconds() + ahead
  }

  const provider = createProvider(
    {
      ...shared,
      async authorize(call, task) {
        const at = await timeThere(task)
        return {
          'x-ovh-application': keys.application,
          'x-ovh-consumer': keys.consumer,
          'x-ovh-timestamp': String(at),
          'x-ovh-signature': signOvh(keys, call, at),
        }
      },
      unknown: (answer) => UNKNOWN.includes(codeOf(answer)),
      busy(answer) {
        if (codeOf(answer) !== 'QUERY_TIME_OUT') return false
        ahead = null
        return true
      },
    },
    parts,
  )

  return createRecordPublisher<ProviderZone>(provider, {
    zone: longestSuffix(async (candidate, task) => {
      const answer = await provider.call({ path: zonePath({ name: candidate }) }, task)
      if (answer.status === 200) return { name: candidate }
      if (answer.status === 404) return null
      if (codeOf(answer) === 'NOT_GRANTED_CALL') return 'forbidden'
      throw provider.refusal(answer, `the look for zone ${candidate}`, task)
    }),
    async list(zone, task) {
      const doing = `the look for TXT records in zone ${zone.name}`
      const path = `${zonePath(zone)}/record?fieldType=TXT&subDomain=${encodeURIComponent(subDomain(task.about, zone))}`
      const ids = provider.read(await provider.expect({ path }, [200], doing, task), IDS, doing, task)
      const found: { readonly id: string; readonly value: string }[] = []
      for (const id of ids) {
        const answer = await provider.expect({ path: recordPath(zone, id) }, [200, 404], doing, task)
        if (answer.status === 404) continue
        found.push({ id: String(id), value: readTxt(provider.read(answer, RECORD, doing, task).target) })
      }
      return found
    },
    async create(zone, { name: owner, value, ttl }, task) {
      const json = {
        fieldType: 'TXT',
        subDomain: subDomain(owner, zone),
        target: quoteTxt(value),
        ttl: Math.max(ttl, LEAST_TTL),
      }
      const path = `${zonePath(zone)}/record`
      await provider.expect(
        { method: 'POST', path, json },
        [200],
        `the TXT record in zone ${zone.name}`,
        task,
      )
    },
    async remove(zone, id, task) {
      const doing = `the removal of a TXT record from zone ${zone.name}`
      await provider.expect({ method: 'DELETE', path: recordPath(zone, id) }, [200, 404], doing, task)
    },
    async publish(zone, task) {
      const call = { method: 'POST', path: `${zonePath(zone)}/refresh`, repeatable: true } as const
      await provider.expect(call, [200], `the refresh of zone ${zone.name}`, task)
    },
  })
}

function zonePath({ name }: ProviderZone): string {
  return `/domain/zone/${encodeURIComponent(name)}`
}

function recordPath(zone: ProviderZone, id: number | string): string {
  return `${zonePath(zone)}/record/${id}`
}

function subDomain(name: string, zone: ProviderZone): string {
  return name === zone.name ? '' : nameWithin(name, zone)
}

function codeOf({ text }: ProviderAnswer): string {
  const read = ERROR.safeParse(parseJson(text))
  return read.success ? read.data.errorCode : ''
}
