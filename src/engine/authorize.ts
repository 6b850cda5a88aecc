import type { Identifier } from '../acme/identifier.ts'
import { type AuthorizationObject, fetchAuthorization, type OfferedChallenge } from './authorization.ts'
import { awaitOrder } from './await-order.ts'
import { answerChallenge, keyAuthorization } from './challenge.ts'
import { cleanUp } from './clean-up.ts'
import { EngineError } from './engine-error.ts'
import { explainInvalid, invalidError } from './explain-invalid.ts'
import { fewAtOnce } from './few-at-once.ts'
import type { PresentedChallenge } from './job.ts'
import { type JobRun, nameText, type SignedRun } from './job-run.ts'
import { isSameIdentifiers, type OrderObject } from './order-object.ts'
import {
  type Attempt,
  CHALLENGE_TYPES,
  type ChallengeType,
  type Solver,
  type SolverContext,
} from './solver.ts'

const AT_ONCE = 10
/** Seconds between looks at names that are still being validated when another has failed. */
const SETTLING = [2, 5]

/** A challenge of one name, and who answers it. */
interface Task {
  readonly authorization: AuthorizationObject
  readonly challenge: OfferedChallenge
  readonly attempt: Attempt
  readonly solver: Solver
}

/**
 * Proves control of every name of a pending order (RFC 8555 §7.5): all answers are made reachable, then the CA is told, then
 * the order is looked at until it is ready. What is valid already is left alone. Resolves with the order in another status than
 * pending; rejects with EngineError: which name, which challenge, what the CA or the solver said.
 */
export async function authorize(signed: SignedRun, order: OrderObject): Promise<OrderObject> {
  if (order.status === 'invalid') throw await explainInvalid(signed, order)
  if (order.status !== 'pending') return order
  const { run, signer } = signed
  const authorizations = await fewAtOnce(AT_ONCE, order.authorizations, (url) =>
    fetchAuthorization(run.session, signer, url, run.signal),
  )
  const tasks = tasksOf(signed, order, authorizations)
  await fewAtOnce(AT_ONCE, tasks, (task) => present(run, task))
  await fewAtOnce(tasks.length, tasks, (task) => makeReady(run, task))
  const seen = await fewAtOnce(AT_ONCE, tasks, (task) => answer(signed, task))
  const isSeen = seen.every((status) => status === 'valid')
  const from = { url: order.url, retryAfter: null }
  const ended = await awaitOrder(signed, from, ['pending'], 'the CA validates', isSeen ? 0 : undefined)
  if (ended.status === 'invalid') throw await explainInvalid(signed, ended, SETTLING)
  for (const { attempt } of tasks)
    run.name(attempt.identifier, attempt.wildcard, 'valid', 'the CA has validated it')
  // Meanwhile the certificate is fetched; the run waits for it in the end.
  run.cleaning = withdraw(run, tasks)
  return ended
}

function tasksOf(
  { run, signer }: SignedRun,
  order: OrderObject,
  authorizations: readonly AuthorizationObject[],
): readonly Task[] {
  const failed = authorizations.filter(({ status }) => status !== 'valid' && status !== 'pending')
  if (failed.length > 0)
    throw invalidError(failed, order, ({ identifier, wildcard }, text) =>
      run.name(identifier, wildcard, 'invalid', text),
    )
  return authorizations.flatMap((authorization) => {
    const { identifier, status } = authorization
    const wildcard = isWildcard(run, authorization)
    if (status === 'valid') {
      run.name(identifier, wildcard, 'authorized', 'the CA holds it for validated already')
      return []
    }
    const offered = authorization.challenges.filter(isOpen)
    const { solver, type } = run.parts.solverFor(identifier, wildcard, offered.map(typeOf), run.job.solver)
    const challenge = offered.find((each) => each.type === type)
    if (challenge === undefined)
      throw new EngineError('input', `the CA does not offer ${type} for ${nameText(identifier, wildcard)}`)
    const { url, token, issuerDomainNames } = challenge
    const attempt: Attempt = {
      identifier,
      wildcard,
      type,
      url,
      token,
      keyAuthorization: token === '' ? '' : keyAuthorization(token, signer),
      accountUrl: signer.kid!,
      issuerDomainNames,
    }
    return [{ authorization, challenge, attempt, solver }]
  })
}

/** Whether it is for `*.`: some CAs leave it to the order to say so. Throws for a name that nobody asked for. */
function isWildcard({ job }: JobRun, { identifier, wildcard, exchange }: AuthorizationObject): boolean {
  const has = (value: string) =>
    job.identifiers.some((wanted) => isSameIdentifiers([wanted], [{ ...identifier, value }]))
  if (wildcard ? has(`*.${identifier.value}`) : has(identifier.value)) return wildcard
  if (!wildcard && has(`*.${identifier.value}`)) return true
  throw new EngineError(
    'protocol',
    `the CA wants ${nameText(identifier as Identifier, wildcard)} validated, which was not asked for`,
    { exchange },
  )
}

function isOpen(
  challenge: OfferedChallenge,
): challenge is OfferedChallenge & { readonly type: ChallengeType } {
  return (
    (CHALLENGE_TYPES as readonly string[]).includes(challenge.type) &&
    (challenge.status === 'pending' || challenge.status === 'processing')
  )
}

function typeOf({ type }: { readonly type: ChallengeType }): ChallengeType {
  return type
}

async function present(run: JobRun, task: Task): Promise<void> {
  const { failPoint, store } = run.parts
  const { attempt, solver } = task
  run.check()
  run.name(attempt.identifier, attempt.wildcard, 'presenting', `${attempt.type} by ${solver.name}`)
  await bySolver(run, task, async (context) => run.parts.lookBefore?.(run.job.ca, attempt, context))
  await failPoint('challenge.noted', 'before')
  await store.addPresented(noteOf(run, task))
  await failPoint('challenge.noted', 'after')
  await failPoint('challenge.presented', 'before')
  await bySolver(run, task, (context) => solver.present(attempt, context))
  await failPoint('challenge.presented', 'after')
}

async function makeReady(run: JobRun, task: Task): Promise<void> {
  const { attempt, solver } = task
  if (solver.ready === undefined) return
  run.name(attempt.identifier, attempt.wildcard, 'waiting', 'waits until the CA can see it')
  await bySolver(run, task, (context) => solver.ready!(attempt, context))
}

async function answer(
  { run, signer }: SignedRun,
  { attempt, challenge }: Task,
): Promise<OfferedChallenge['status']> {
  run.check()
  // RFC 8555 §7.5.1: the CA is at it already, told by an attempt before this one.
  if (challenge.status === 'processing') return challenge.status
  await run.parts.failPoint('challenge.answered', 'before')
  const { status } = await answerChallenge(run.session, signer, attempt.url, run.signal)
  await run.parts.failPoint('challenge.answered', 'after')
  run.name(attempt.identifier, attempt.wildcard, 'answered', `${attempt.type}: the CA has been told`)
  return status
}

async function bySolver(
  run: JobRun,
  { attempt, solver }: Task,
  act: (context: SolverContext) => Promise<void>,
): Promise<void> {
  const { identifier, wildcard, type } = attempt
  const progress = (text: string) => run.name(identifier, wildcard, 'waiting', text)
  try {
    await act({ signal: run.signal, progress, warn: (text) => run.note(text) })
  } catch (error) {
    run.check()
    if (error instanceof EngineError) throw aboutName(error, nameText(identifier, wildcard))
    throw new Error(`the solver ${solver.name} failed at ${type} for ${nameText(identifier, wildcard)}`, {
      cause: error,
    })
  }
}

function aboutName(error: EngineError, name: string): EngineError {
  const { fault, message, problem, status, retryAfter, exchange, links } = error
  const text = message.includes(name) ? message : `${name}: ${message}`
  return new EngineError(fault, text, { problem, status, retryAfter, exchange, links, name })
}

async function withdraw(run: JobRun, tasks: readonly Task[]): Promise<void> {
  const notes = tasks.map((task) => noteOf(run, task))
  // What is left, the end of the attempt sees to.
  await cleanUp(run.parts, notes, (text) => run.note(text), run.signal)
}

function noteOf({ job, parts }: JobRun, { attempt, solver }: Task): PresentedChallenge {
  return { job: job.id, attempt, solver: solver.name, presentedAt: parts.clock.now().wall }
}
