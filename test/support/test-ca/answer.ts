import type { ProblemName } from '../../../src/acme/problem-types.ts'
import { PROBLEM_TYPES, problemUrn } from '../../../src/acme/problem-types.ts'

/** What the CA is about to say. Field names may repeat. */
export interface Answer {
  readonly status: number
  readonly fields: readonly (readonly [name: string, value: string])[]
  readonly body: Buffer
}

export type Fields = Answer['fields']

export function json(status: number, value: unknown, fields: Fields = []): Answer {
  return {
    status,
    fields: [['Content-Type', 'application/json; charset=utf-8'], ...fields],
    body: Buffer.from(`${JSON.stringify(value, null, 2)}\n`),
  }
}

export function empty(status: number, fields: Fields = []): Answer {
  return { status, fields, body: Buffer.alloc(0) }
}

/** RFC 7807 with RFC 8555 §6.7: what an operation throws to be answered with. */
export class Refusal extends Error {
  readonly type: ProblemName
  readonly status: number
  readonly members: Readonly<Record<string, unknown>>

  constructor(
    type: ProblemName,
    detail: string,
    members: Readonly<Record<string, unknown>> = {},
    status?: number,
  ) {
    super(detail)
    this.type = type
    this.status = status ?? PROBLEM_TYPES[type].status
    this.members = members
  }

  answer(fields: Fields = []): Answer {
    return problem(this.type, this.message, { status: this.status, members: this.members, fields })
  }
}

export function problem(
  type: ProblemName,
  detail: string,
  options: { status?: number; members?: Readonly<Record<string, unknown>>; fields?: Fields } = {},
): Answer {
  const status = options.status ?? PROBLEM_TYPES[type].status
  const document = { type: problemUrn(type), detail, status, ...options.members }
  return {
    status,
    fields: [['Content-Type', 'application/problem+json; charset=utf-8'], ...(options.fields ?? [])],
    body: Buffer.from(`${JSON.stringify(document)}\n`),
  }
}

/** The answer with every field of that name gone, and `value` in its place unless it is null. */
export function withField(answer: Answer, name: string, value: string | null): Answer {
  const fields = answer.fields.filter(([other]) => other.toLowerCase() !== name.toLowerCase())
  return { ...answer, fields: value === null ? fields : [...fields, [name, value]] }
}
