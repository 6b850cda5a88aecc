import type { Explanation } from '../../policy/explanation.ts'
import type { SupposedClient, SupposedRequest } from '../../policy/supposed-request.ts'
import { oneLine } from '../one-line.ts'
import type { SupposedReissue } from './make-plan.ts'

export interface PolicyQuestion {
  /** The policy in force, asked about a request that nobody made; null where there is no policy. */
  readonly explain: (request: SupposedRequest) => Promise<Explanation | null>
  /** As whom the engine asks that CA. */
  readonly client: (ca: string) => SupposedClient
  /** ms since 1970. */
  readonly now: () => number
}

/** Why policy would refuse a reissue, at its newOrder or at its finalize; null where it would not. One line. */
export async function policyFault(
  { explain, client, now }: PolicyQuestion,
  { ca, names, profile, csr }: SupposedReissue,
): Promise<string | null> {
  const asked = {
    names: names.map(({ value }) => value),
    at: now(),
    mode: 'engine',
    ca,
    client: client(ca),
    ...(profile === null ? {} : { profile }),
  } as const
  const requests: SupposedRequest[] = [{ ...asked, operation: 'newOrder' }]
  if (csr !== null) requests.push({ ...asked, operation: 'finalize', csr: csr.toString('base64') })
  for (const request of requests) {
    const { told = null } = (await explain(request)) ?? {}
    if (told?.inForce === true)
      return `policy would refuse it: ${oneLine(told.detail)}. Change the policy (acmetap policy explain), or leave it out.`
  }
  return null
}
