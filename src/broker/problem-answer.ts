import { AcmeProblem, MOST_SUBPROBLEMS, type ProblemDocument } from '../acme/problem.ts'
import { PROBLEM_TYPES, type ProblemName, problemShortName, problemUrn } from '../acme/problem-types.ts'
import { oneLine } from '../engine/one-line.ts'
import type { FieldList } from '../exchange/exchange.ts'
import type { ExchangeId } from '../exchange/exchange-id.ts'
import type { IssuerError, IssuerFault } from './issuer.ts'

/**
 * A problem that is more than {@link AcmeProblem} can say: the words of a CA, or fields beside the document. `fields`:
 * names in lower case.
 */
export class ProblemAnswer extends Error {
  readonly document: ProblemDocument
  readonly fields: FieldList

  constructor(document: ProblemDocument, fields: FieldList = []) {
    super(document.detail)
    this.name = 'ProblemAnswer'
    this.document = document
    this.fields = fields
  }
}

/** A problem of our own with fields beside it. */
export function problemWith(
  fields: FieldList,
  ...[type, detail, members]: ConstructorParameters<typeof AcmeProblem>
): ProblemAnswer {
  return new ProblemAnswer(new AcmeProblem(type, detail, members).document(), fields)
}

/**
 * What a CA says of acmetap's own account and requests there. As a type it would tell the client to act on its own account,
 * which is in order: to fetch a nonce, to register anew.
 */
const ABOUT_US: ReadonlySet<string> = new Set<ProblemName>([
  'accountDoesNotExist',
  'badNonce',
  'badPublicKey',
  'badSignatureAlgorithm',
  'externalAccountRequired',
  'userActionRequired',
])

/** Where no CA spoke. */
const OURS: Readonly<Record<IssuerFault, { readonly type: ProblemName; readonly status: number }>> = {
  refused: { type: 'unauthorized', status: 403 },
  limited: { type: 'rateLimited', status: 429 },
  unavailable: { type: 'serverInternal', status: 503 },
  unfit: { type: 'rejectedIdentifier', status: 403 },
  wrong: { type: 'serverInternal', status: 502 },
  uncertain: { type: 'serverInternal', status: 500 },
  aborted: { type: 'serverInternal', status: 503 },
}
/** Seconds after which a client may try what was unavailable once more. */
const AGAIN = 10
const LONGEST_DETAIL = 4000
const MOST_OTHERS = 5

/**
 * A CA's words for the client: type, detail, status, subproblems, Retry-After and links as the CA had them, the CA named
 * behind its words. `record`: exchange that a person finds the whole story under.
 */
export function problemOfIssuer(error: IssuerError, record: ExchangeId): ProblemAnswer {
  const { type, status } = toldAs(error)
  const document: ProblemDocument = {
    type,
    detail: detailOf(error, record),
    status,
    ...(error.subproblems.length === 0 ? {} : { subproblems: error.subproblems.slice(0, MOST_SUBPROBLEMS) }),
  }
  const retryAfter = error.retryAfter ?? (status === 503 ? AGAIN : null)
  const fields = error.links
    .filter((link) => /^[\x20-\x7e]+$/.test(link))
    .map((link): [string, string] => ['link', link])
  if (retryAfter !== null) fields.push(['retry-after', String(Math.max(0, Math.ceil(retryAfter)))])
  return new ProblemAnswer(document, fields)
}

/** With an error's status, whatever it came with (the `error` of an order has often none). */
function toldAs({ type, status, fault }: IssuerError): Pick<ProblemDocument, 'type' | 'status'> {
  if (type !== null && ABOUT_US.has(problemShortName(type)))
    return { type: problemUrn('serverInternal'), status: 500 }
  const ours = OURS[fault]
  if (type === null) return { type: problemUrn(ours.type), status: ours.status }
  if (status !== null && status >= 400 && status <= 599) return { type, status }
  const name = problemShortName(type)
  return {
    type,
    status: Object.hasOwn(PROBLEM_TYPES, name) ? PROBLEM_TYPES[name as ProblemName].status : ours.status,
  }
}

function detailOf({ ca, detail, message, others }: IssuerError, record: ExchangeId): string {
  const behind = [...others.slice(0, MOST_OTHERS).map((other) => oneLine(other)), `acmetap record ${record}`]
  if (detail === null) return `${oneLine(message, LONGEST_DETAIL)} (${behind.join('; ')})`
  return `${oneLine(detail, LONGEST_DETAIL)} (from the CA ${JSON.stringify(ca)}; ${behind.join('; ')})`
}
