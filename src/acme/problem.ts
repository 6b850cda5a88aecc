import type { Identifier } from './identifier.ts'
import { PROBLEM_TYPES, type ProblemName, problemUrn } from './problem-types.ts'

/** A problem document as it goes over the wire: RFC 9457 with RFC 8555 §6.7. */
export interface ProblemDocument {
  readonly type: string
  readonly detail: string
  readonly status: number
  readonly instance?: string
  readonly subproblems?: readonly SubproblemDocument[]
  /** Of a badSignatureAlgorithm (RFC 8555 §6.2). */
  readonly algorithms?: readonly string[]
}

/** RFC 8555 §6.7.1. */
export interface SubproblemDocument {
  readonly type: string
  readonly detail: string
  readonly identifier: Identifier
}

/** Of one document: an order of more names than this has one reason to look at the detail. */
export const MOST_SUBPROBLEMS = 100

interface ProblemMembers {
  /** HTTP status, where it differs from the type's own (421, 502, 503). */
  readonly status?: number
  /** Seconds, sent as `Retry-After`. */
  readonly retryAfter?: number
  /** URN of the exchange's record. */
  readonly instance?: string
  /** One for each identifier that was refused; what is over {@link MOST_SUBPROBLEMS} is left out. */
  readonly subproblems?: readonly Subproblem[]
  /** With badSignatureAlgorithm: `alg` values that are taken. */
  readonly algorithms?: readonly string[]
}

interface Subproblem {
  readonly problem: ProblemName
  readonly detail: string
  readonly identifier: Identifier
}

/**
 * The only error that means "tell the client this".
 * `detail` is one self-contained line: few clients print anything else.
 */
export class AcmeProblem extends Error {
  readonly type: ProblemName
  readonly status: number
  readonly retryAfter: number | undefined
  readonly instance: string | undefined
  readonly subproblems: readonly Subproblem[]
  readonly algorithms: readonly string[] | undefined

  constructor(type: ProblemName, detail: string, members: ProblemMembers = {}) {
    super(detail)
    this.name = 'AcmeProblem'
    this.type = type
    this.status = members.status ?? PROBLEM_TYPES[type].status
    this.retryAfter = members.retryAfter
    this.instance = members.instance
    this.subproblems = members.subproblems ?? []
    this.algorithms = members.algorithms
  }

  document(): ProblemDocument {
    return {
      type: problemUrn(this.type),
      detail: this.message,
      status: this.status,
      ...(this.instance === undefined ? {} : { instance: this.instance }),
      ...(this.subproblems.length === 0 ? {} : { subproblems: this.#subproblems() }),
      ...(this.algorithms === undefined ? {} : { algorithms: this.algorithms }),
    }
  }
  #subproblems(): SubproblemDocument[] {
    return this.subproblems.slice(0, MOST_SUBPROBLEMS).map(({ problem, detail, identifier }) => ({
      type: problemUrn(problem),
      detail,
      identifier: { type: identifier.type, value: identifier.value },
    }))
  }
}
