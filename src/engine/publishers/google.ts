/** Google Cloud DNS: a service account's JWT is changed for a token; changes are all or nothing. */
import { createPrivateKey, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { SignJWT } from 'jose'
import { z } from 'zod'
import type { SolverConfig } from '../../config/engine-solvers.ts'
import type { Publisher } from '../publisher.ts'
import { systemFault } from '../solvers/solver-error.ts'
import { createAccessToken } from './provider/access-token.ts'
import { input, trusted, withoutSlash } from './provider/credential.ts'
import { parseJson } from './provider/explain-answer.ts'
import { createProvider, type ProviderParts } from './provider/provider.ts'
import { createRecordSetPublisher, type RecordSet } from './provider/record-set-publisher.ts'
import { untilArrived } from './provider/until-arrived.ts'
import { longestSuffix, type ProviderZone } from './provider/zones.ts'

type Settings = NonNullable<SolverConfig['google']>

interface Zone extends ProviderZone {
  /** Its name in the project. */
  readonly id: string
}

const SCOPE = 'https://www.googleapis.com/auth/ndev.clouddns.readwrite'
const GRANT_TYPE = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
/** Seconds that a JWT is good for. */
const LIFETIME = 600

const ACCOUNT = z.object({
  type: z.literal('service_account'),
  client_email: z.string().min(1),
  private_key: z.string().min(1),
  private_key_id: z.string().optional(),
  project_id: z.string().optional(),
  token_uri: z
    .string()
    .regex(/^https:\/\//)
    .default('https://oauth2.googleapis.com/token'),
})
const ZONES = z.object({
  managedZones: z
    .array(z.object({ name: z.string(), dnsName: z.string(), visibility: z.string().optional() }))
    .default([]),
})
const SETS = z.object({
  rrsets: z
    .array(
      z.object({
        name: z.string(),
        type: z.string(),
        ttl: z.number().default(0),
        rrdatas: z.array(z.string()).optional(),
      }),
    )
    .default([]),
})
const CHANGE = z.object({ id: z.string(), status: z.string() })

/** Throws EngineError (`input`) where the credentials can't be used. */
export function createGoogle(name: string, settings: Settings, parts: ProviderParts): Publisher {
  const { account, key } = serviceAccount(name, settings.credentials)
  const project = settings.project ?? account.project_id
  if (project === undefined) throw input(name, 'has credentials without a project. Write project')
  const shared = {
    solver: name,
    title: 'Google Cloud DNS',
    trust: trusted(name, settings.trust),
    whenUnknown: 'Check that the service account and its key are still there, and the clock of this machine',
    whenForbidden: `Give the service account the role DNS Administrator in project ${project}, and enable the Cloud DNS API there`,
  }
  const tokens = createProvider(
    {
      ...shared,
      endpoint: account.token_uri,
      secrets: () => [],
      unknown: ({ status }) => status === 400,
    },
    parts,
  )
  const grant = async () => {
    const now = Math.floor(parts.clock.now().wall / 1_000_000)
    const { private_key_id: kid } = account
    const assertion = await new SignJWT({ scope: SCOPE })
      .setProtectedHeader({ alg: 'RS256', typ: 'JWT', ...(kid === undefined ? {} : { kid }) })
      .setIssuer(account.client_email)
      .setAudience(account.token_uri)
      .setIssuedAt(now)
      .setExpirationTime(now + LIFETIME)
      .sign(key)
    return {
      method: 'POST',
      path: account.token_uri,
      fields: { 'content-type': 'application/x-www-form-urlencoded' },
      text: new URLSearchParams({ grant_type: GRANT_TYPE, assertion }).toString(),
      repeatable: true,
    } as const
  }
  const token = createAccessToken(tokens, grant, parts.clock)
  const provider = createProvider(
    {
      ...shared,
      endpoint: `${withoutSlash(settings.endpoint)}/dns/v1/projects/${encodeURIComponent(project)}`,
      authorize: async (_call, task) => ({ authorization: `Bearer ${await token.of(task)}` }),
      renew: () => token.forget(),
      secrets: () => token.shown(),
    },
    parts,
  )

  return createRecordSetPublisher<Zone, RecordSet>(provider, {
    zone: longestSuffix(async (candidate, task) => {
      const doing = `the look for zone ${candidate}`
      const path = `/managedZones?dnsName=${encodeURIComponent(`${candidate}.`)}`
      const answer = await provider.expect({ path }, [200], doing, task)
      const { managedZones } = provider.read(answer, ZONES, doing, task)
      // Nobody outside sees a private one.
      const found = managedZones.find(
        ({ dnsName, visibility }) => dnsName === `${candidate}.` && visibility !== 'private',
      )
      return found === undefined ? null : { id: found.name, name: candidate }
    }),
    async read(zone, task) {
      const doing = `the look for TXT records in zone ${zone.name}`
      const path = `${zonePath(zone)}/rrsets?name=${encodeURIComponent(`${task.about}.`)}&type=TXT`
      const answer = await provider.expect({ path }, [200], doing, task)
      const set = provider
        .read(answer, SETS, doing, task)
        .rrsets.find((one) => one.name === `${task.about}.` && one.type === 'TXT')
      if (set === undefined) return null
      if (set.rrdatas !== undefined) return { contents: set.rrdatas, ttl: set.ttl }
      throw provider.fault(
        `has TXT records with a routing policy at ${task.about}: take that policy away, or delegate the name by CNAME`,
        task,
      )
    },
    async replace(zone, held, wanted, task) {
      const json = { deletions: setsOf(task.about, held), additions: setsOf(task.about, wanted) }
      const call = { method: 'POST', path: `${zonePath(zone)}/changes`, json, repeatable: true } as const
      const answer = await provider.call(call, task)
      const doing = `the change of zone ${zone.name}`
      // What is to be deleted is not what is there, or not there; what is to be added is there already.
      const overtaken =
        [409, 412].includes(answer.status) || (answer.status === 404 && isOfRecords(answer.text))
      if (overtaken) return null
      if (answer.status !== 200) throw provider.refusal(answer, doing, task)
      return provider.read(answer, CHANGE, doing, task).id
    },
    arrived(zone, change, task) {
      const doing = `the change of zone ${zone.name}`
      const path = `${zonePath(zone)}/changes/${encodeURIComponent(change)}`
      const look = async () => {
        const answer = await provider.expect({ path }, [200], doing, task)
        return provider.read(answer, CHANGE, doing, task).status === 'done'
      }
      return untilArrived(provider, look, doing, task)
    },
    leastTtl: () => 1,
  })
}

function serviceAccount(name: string, file: string): { account: z.output<typeof ACCOUNT>; key: KeyObject } {
  const wrong = (what: string) =>
    input(name, `can't use its credentials: ${what}. Download a new key as JSON`)
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw input(name, `can't read its credentials: ${systemFault(error)}`)
  }
  const read = ACCOUNT.safeParse(parseJson(text))
  if (!read.success) throw wrong('they are no key of a service account')
  const key = rsaKey(read.data.private_key)
  if (key === null) throw wrong('their private_key is no RSA key in PEM')
  return { account: read.data, key }
}

function rsaKey(pem: string): KeyObject | null {
  try {
    const key = createPrivateKey(pem)
    return key.asymmetricKeyType === 'rsa' ? key : null
  } catch {
    return null
  }
}

function setsOf(name: string, set: RecordSet | null): readonly object[] {
  return set === null ? [] : [{ name: `${name}.`, type: 'TXT', ttl: set.ttl, rrdatas: set.contents }]
}

function zonePath({ id }: Zone): string {
  return `/managedZones/${encodeURIComponent(id)}`
}

function isOfRecords(text: string): boolean {
  return text.includes('entity.change.deletions')
}
