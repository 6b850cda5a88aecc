import { OperationRefused } from '../api/operations.ts'
import type { PolicyOperations, RecordedPolicies } from '../api/policy-operations.ts'
import type { RecordedExchange, RecordReader } from '../audit/record-store.ts'
import type { Config } from '../config/schema.ts'
import { explainRecorded } from '../policy/explain.ts'
import type { IssuanceHistory } from '../policy/issuance-history.ts'
import { factsOf, orderIn, type PersonalField } from '../policy/recorded-facts.ts'
import { policyOfDigest } from '../policy/recorded-policy.ts'
import { shownPolicy } from '../policy/shown-policy.ts'
import { CsrUnreadable, explainRequest, usable } from '../policy/workbench.ts'
import { replayRecord } from '../store/sqlite/policy/replay-record.ts'
import type { LoadedPolicy } from './policy-file.ts'
import { checkBundleAside, readPolicyAside, testBundleAside } from './policy-threads.ts'

type RecordPlace = Pick<Config, 'data'> & Partial<Pick<Config, 'privacy'>>

/** What the record alone can answer about policies. */
export function recordedPolicies(
  reader: Pick<RecordReader, 'exchange' | 'body'>,
  place: () => RecordPlace,
  loaded: () => LoadedPolicy | null = () => null,
): RecordedPolicies {
  return {
    async explainRecorded(id, candidate) {
      const exchange = await reader.exchange(id)
      if (exchange === null) return null
      const { intent, personal } = exchange
      const order = await orderOf(exchange, reader)
      const facts = factsOf(intent, personal, { order, dropped: droppedIn(place()) })
      if (facts === null) {
        throw new OperationRefused(
          `no policy decides a ${intent.operation} request (${intent.request.method}): reading is everybody's`,
          409,
        )
      }
      const then = { exchange: id, policyDigest: intent.policyDigest, decision: intent.decision }
      const inForce = loaded()
      if (candidate === null && inForce !== null && inForce.policy.digest === intent.policyDigest)
        return explainRecorded(inForce.policy, facts, then, { file: inForce.bundle.file })
      const bundle = candidate ?? (await policyThen(exchange, reader))
      return explainRecorded(await usable(bundle, {}, readPolicyAside), facts, then, { file: bundle.file })
    },
    replay: (bundle, range, signal) => {
      const { data } = place()
      return replayRecord({ place: data, bundle, ...range, dropped: [...droppedIn(place())] }, signal)
    },
  }
}

export interface PolicyParts {
  readonly reader: RecordReader
  readonly config: () => Config
  readonly loaded: () => LoadedPolicy | null
  /** Since when it has been in force. */
  readonly since: () => Date
  readonly history: IssuanceHistory
}

/** What the running server answers about policies. */
export function policyOperations(parts: PolicyParts): PolicyOperations {
  const { reader, config, loaded, since, history } = parts
  return {
    ...recordedPolicies(reader, config, loaded),
    async inForce() {
      const inForce = loaded()
      if (inForce === null) return null
      return { ...shownPolicy(inForce.policy, inForce.bundle, Date.now()), since: since().toISOString() }
    },
    check: (candidate) => checkBundleAside(candidate, Date.now(), Object.keys(config().cas)),
    async explain(request, candidate) {
      const inForce =
        candidate === null
          ? loaded()
          : { policy: await usable(candidate, {}, readPolicyAside), bundle: candidate }
      if (inForce === null) {
        throw new OperationRefused('no policy is in force: name one, or configure policy: FILE', 409)
      }
      const { policy, bundle } = inForce
      return explainRequest(policy, bundle.file, request, history).catch((error: unknown) => {
        throw error instanceof CsrUnreadable ? new OperationRefused(error.message) : error
      })
    },
    test: testBundleAside,
  }
}

async function orderOf({ intent }: RecordedExchange, reader: Pick<RecordReader, 'exchange'>) {
  if (intent.issuance === null || intent.operation === 'newOrder') return undefined
  const begun = await reader.exchange(intent.issuance)
  return begun === null ? undefined : orderIn(begun.intent)
}

async function policyThen({ id, intent }: RecordedExchange, reader: Pick<RecordReader, 'body'>) {
  const { policyDigest } = intent
  if (policyDigest === null) {
    throw new OperationRefused('no policy was in force then; explain it by a candidate: --file POLICY', 409)
  }
  const bundle = await policyOfDigest(reader, id, policyDigest)
  if (bundle !== null) return bundle
  throw new OperationRefused(
    `the policy of that time (${policyDigest.slice(0, 12)}) is no longer in the record; explain it by another: --file POLICY`,
    409,
  )
}

/** Personal fields that are not kept at all. */
function droppedIn({ privacy }: RecordPlace): ReadonlySet<PersonalField> {
  if (privacy === undefined) return new Set()
  const { address, contact, proxy_user: proxyUser, user_agent: userAgent } = privacy
  const handling = Object.entries({ address, contact, proxyUser, userAgent })
  return new Set(handling.filter(([, how]) => how === 'drop').map(([field]) => field as PersonalField))
}
