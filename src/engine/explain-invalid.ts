import { problemShortName } from '../acme/problem-types.ts'
import type { Problem } from '../acme/response-objects.ts'
import { type AuthorizationObject, fetchAuthorization } from './authorization.ts'
import { EngineError } from './engine-error.ts'
import { fewAtOnce } from './few-at-once.ts'
import { nameText, type SignedRun } from './job-run.ts'
import { oneLine } from './one-line.ts'
import type { OrderObject } from './order-object.ts'

const AT_ONCE = 10
/** Names that are told of in one line. */
const MOST_TOLD = 5

/**
 * Why an order became invalid: of each name that failed the challenge and what the CA said (RFC 8555 §7.1.6). Names that are
 * still being validated are given time, `settling` (seconds): taking their answers away now would make them fail too, and what is
 * valid need not be proved again.
 */
export async function explainInvalid(
  { run, signer }: SignedRun,
  order: OrderObject,
  settling: readonly number[] = [],
): Promise<EngineError> {
  const fetch = (urls: readonly string[]) =>
    fewAtOnce(AT_ONCE, urls, (url) => fetchAuthorization(run.session, signer, url, run.signal))
  const found = new Map((await fetch(order.authorizations)).map((each) => [each.url, each]))
  for (const wait of settling) {
    const open = [...found.values()].filter(isBeingValidated)
    if (open.length === 0) break
    await run.pause(wait, 'other names are still being validated')
    for (const each of await fetch(open.map(({ url }) => url))) found.set(each.url, each)
  }
  return invalidError(
    [...found.values()].filter(({ status }) => status !== 'valid' && status !== 'pending'),
    order,
    (authorization, text) => run.name(authorization.identifier, authorization.wildcard, 'invalid', text),
  )
}

function isBeingValidated({ status, challenges }: AuthorizationObject): boolean {
  return status === 'pending' && challenges.some((challenge) => challenge.status === 'processing')
}

/** `failed`: authorizations that are of no use any more. */
export function invalidError(
  failed: readonly AuthorizationObject[],
  { error, exchange }: Pick<OrderObject, 'error' | 'exchange'>,
  tell: (authorization: AuthorizationObject, text: string) => void,
): EngineError {
  const [first] = failed
  if (first === undefined) {
    const why = error === null ? 'it does not say why' : problemText(error)
    return new EngineError('invalid', `the CA has made the order invalid: ${why}`, {
      problem: error,
      exchange,
    })
  }
  const told = failed.map((authorization) => {
    const text = whyText(authorization)
    tell(authorization, text)
    return `${nameText(authorization.identifier, authorization.wildcard)}: ${text}`
  })
  const more = told.length > MOST_TOLD ? `; and ${told.length - MOST_TOLD} more names` : ''
  return new EngineError('invalid', `${told.slice(0, MOST_TOLD).join('; ')}${more}`, {
    problem: problemOf(failed, error),
    exchange: first.exchange,
    name: nameText(first.identifier, first.wildcard),
  })
}

/** What the CA said of the first; of each where there are several (RFC 8555 §6.7.1). */
function problemOf(failed: readonly AuthorizationObject[], error: Problem | null): Problem | null {
  const said = failed.map((authorization) => ({ authorization, problem: saidOf(authorization) }))
  const whole = said.find(({ problem }) => problem !== null)?.problem ?? error
  if (whole === null || said.length < 2) return whole
  const subproblems = said.map(({ authorization, problem }) => ({
    type: problem?.type ?? null,
    detail: problem?.detail ?? whyText(authorization),
    identifier: {
      type: authorization.identifier.type,
      value: nameText(authorization.identifier, authorization.wildcard),
    },
  }))
  return { ...whole, subproblems }
}

function saidOf({ challenges }: AuthorizationObject): Problem | null {
  return challenges.find(({ error }) => error !== null)?.error ?? null
}

function whyText({ status, challenges }: AuthorizationObject): string {
  const challenge = challenges.find(({ error }) => error !== null)
  if (challenge?.error != null)
    return `${oneLine(challenge.type, 50)} failed, the CA says: ${problemText(challenge.error)}`
  return `its authorization is ${status}, and the CA does not say why`
}

function problemText({ type, detail }: Problem): string {
  const kind = type === null ? '' : ` (${oneLine(problemShortName(type), 100)})`
  return `${oneLine(detail ?? 'nothing')}${kind}`
}
