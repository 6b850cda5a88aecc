/** What can be done with a policy that is in no one's way: check it, look at it, try it. */
import { readCertificateRequest } from '../acme/certificate-request.ts'
import { ConfigError, type ConfigProblem } from '../config/config-error.ts'
import type { PolicyBundle } from './bundle.ts'
import { compilePolicy } from './compile.ts'
import { countedOrder } from './counted-order.ts'
import type { ParseOptions } from './document/parse-policy.ts'
import { checkPolicy } from './document/remarks/check-policy.ts'
import type { Remark } from './document/remarks/remark.ts'
import { explain } from './explain.ts'
import type { Explanation } from './explanation.ts'
import type { PolicyFacts } from './facts.ts'
import type { CountedOrder } from './history.ts'
import type { IssuanceHistory } from './issuance-history.ts'
import type { Policy } from './policy.ts'
import { type PolicyReader, readPolicy } from './read-policy.ts'
import { type ShownPolicy, shownPolicy } from './shown-policy.ts'
import { supposedFacts } from './supposed-facts.ts'
import type { SupposedRequest } from './supposed-request.ts'
import type { CasesFile } from './test-cases/parse-cases.ts'
import type { PolicyTestReport } from './test-cases/result.ts'
import { runPolicyTests } from './test-cases/run.ts'

/** What a start or a reload would say of a policy. JSON. */
export interface PolicyCheck {
  readonly ok: boolean
  readonly file: string
  /** Null where it can't be used. */
  readonly digest: string | null
  readonly rules: number
  /** Why it can't be used; empty when `ok`. */
  readonly problems: readonly ConfigProblem[]
  /** What is odd about it: it can be used all the same. */
  readonly remarks: readonly Remark[]
}

/** Ready to decide. Rejects with ConfigError where it can't be used. */
export async function usable(
  bundle: PolicyBundle,
  options: ParseOptions = {},
  read: PolicyReader = readPolicy,
): Promise<Policy> {
  const { document, digest } = await read({ from: bundle, ...options })
  return compilePolicy(document, digest)
}

/** `cas`: names of the CAs that are configured, where they are known. */
export interface CheckBundleOptions extends ParseOptions {
  readonly cas?: readonly string[]
}

/** `now` in milliseconds since 1970. Never rejects for what is wrong with the policy. */
export async function checkBundle(
  bundle: PolicyBundle,
  now: number,
  { cas, ...options }: CheckBundleOptions = {},
): Promise<PolicyCheck> {
  const { file } = bundle
  try {
    const { document, digest, rules } = await usable(bundle, options)
    const remarks = await checkPolicy(document, bundle, { now, ...(cas === undefined ? {} : { cas }) })
    return { ok: true, file, digest, rules: rules.length, problems: [], remarks }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return { ok: false, file, digest: null, rules: 0, problems: error.problems, remarks: [] }
  }
}

/** `now` in milliseconds since 1970. Rejects with ConfigError where it can't be used. */
export async function showBundle(bundle: PolicyBundle, now: number): Promise<ShownPolicy> {
  return shownPolicy(await usable(bundle), bundle, now)
}

/** The CSR of a supposed request can't be read. */
export class CsrUnreadable extends Error {}

/**
 * The way to the decision on a request that nobody made; `history`: what is known of orders before it. Rejects with
 * {@link CsrUnreadable}.
 */
export async function explainRequest(
  policy: Policy,
  file: string,
  request: SupposedRequest,
  history: IssuanceHistory | null = null,
): Promise<Explanation> {
  const csr =
    request.csr === undefined ? null : await readCertificateRequest(Buffer.from(request.csr, 'base64'))
  if (request.csr !== undefined && csr === null)
    throw new CsrUnreadable("the CSR can't be read: it is no PKCS #10 in DER")
  const facts = supposedFacts(request, csr)
  if (history === null || request.operation !== 'newOrder') return explain(policy, facts, { file })
  const counts = history.counts(policy.needs.history, supposedOrder(facts))
  return explain(policy, { ...facts, history: counts }, { file })
}

/** A client of whom only a part is said is not known: the orders of nobody would be none. */
function supposedOrder(facts: PolicyFacts): CountedOrder {
  const counted = countedOrder(facts, '')
  const { address, label, proxyUser, userAgent } = facts.client
  const isWhole = [address, label ?? proxyUser, userAgent].every((part) => part !== undefined)
  return isWhole ? counted : { ...counted, client: null }
}

/** Rejects with ConfigError for a policy or for cases that can't be used. */
export async function testBundle(
  bundle: PolicyBundle,
  cases: readonly CasesFile[],
): Promise<PolicyTestReport> {
  return runPolicyTests(bundle.file, await usable(bundle), cases)
}
