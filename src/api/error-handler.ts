import type { FastifyInstance } from 'fastify'
import { StoreUnavailable } from '../audit/record-store.ts'
import { newExchangeId } from '../exchange/exchange-id.ts'
import { OperationRefused } from './operations.ts'

/** Told of every error that is our own fault; `id` is what the caller was given. */
export type ReportError = (error: unknown, id: string) => void

/** RFC 9457, as the control plane answers it. */
export interface ControlProblem {
  readonly title: string
  readonly status: number
  readonly detail: string
}

/** Turns every error into a problem document. What we did not foresee stays inside; its id goes out. */
export function handleErrors(app: FastifyInstance, report: ReportError): void {
  app.setNotFoundHandler((_request, reply) =>
    reply
      .code(404)
      .type('application/problem+json')
      .send(problem(404, 'Not found', 'there is nothing at this path')),
  )
  app.setErrorHandler((error, _request, reply) => {
    const document = toProblem(error, report)
    if (document.status === 503) reply.header('retry-after', '2')
    return reply.code(document.status).type('application/problem+json').send(document)
  })
}

function toProblem(error: unknown, report: ReportError): ControlProblem {
  if (error instanceof OperationRefused) return problem(error.status, 'Refused', error.message)
  if (error instanceof StoreUnavailable) return problem(503, 'Store unavailable', error.message)
  const { statusCode, message } = error as { statusCode?: unknown; message?: unknown }
  if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500) {
    return problem(statusCode, 'Refused', String(message))
  }
  const id = newExchangeId()
  report(error, id)
  return problem(500, 'Internal error', `something went wrong inside; the log has it under ${id}`)
}

function problem(status: number, title: string, detail: string): ControlProblem {
  return { title, status, detail }
}
