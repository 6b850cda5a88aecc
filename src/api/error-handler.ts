import type { FastifyInstance, FastifyReply } from 'fastify'
import { FilterRefused } from '../audit/inventory/values.ts'
import { StoreUnavailable } from '../audit/record-store.ts'
import { EngineError, type EngineFault } from '../engine/engine-error.ts'
import { newExchangeId } from '../exchange/exchange-id.ts'
import { OperationRefused } from './operations.ts'
import { type ControlProblem, escaped, problemOf, RequestRefused } from './problem.ts'
import { refusedInput } from './refused-input.ts'

/** Told of every error that is our own fault; `id` is what the caller was given. */
export type ReportError = (error: unknown, id: string) => void

/** Turns every error into a problem document. What we did not foresee stays inside; its id goes out. */
export function handleErrors(app: FastifyInstance, report: ReportError): void {
  app.setNotFoundHandler((_request, reply) => send(reply, problemOf(404, 'there is nothing at this path')))
  app.setErrorHandler((error, request, reply) => {
    const refused = refusedInput(error, request) ?? (error instanceof RequestRefused ? error : null)
    if (refused === null) return send(reply, toProblem(error, report))
    reply.headers(refused.fields)
    return send(reply, problemOf(refused.status, refused.message, refused.parameters))
  })
}

function send(reply: FastifyReply, document: ControlProblem) {
  if (document.status === 503) reply.header('retry-after', '2')
  return reply
    .code(document.status)
    .type('application/problem+json')
    .serializer(JSON.stringify)
    .send(document)
}

function refusedFilter({ message, filter, reason }: FilterRefused): ControlProblem {
  return problemOf(400, escaped(message), [{ name: filter, value: null, message: escaped(reason) }])
}

/** What the engine could not do: 409 where nothing is said here. */
const ENGINE_STATUS: Readonly<Partial<Record<EngineFault, number>>> = {
  input: 400,
  network: 502,
  protocol: 502,
  aborted: 503,
}

function toProblem(error: unknown, report: ReportError): ControlProblem {
  if (error instanceof OperationRefused) return problemOf(error.status, error.message)
  if (error instanceof FilterRefused) return refusedFilter(error)
  if (error instanceof EngineError)
    return problemOf(ENGINE_STATUS[error.fault] ?? 409, escaped(error.message))
  if (error instanceof StoreUnavailable) return problemOf(503, error.message)
  const { statusCode, message } = error as { statusCode?: unknown; message?: unknown }
  if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500) {
    return problemOf(statusCode, escaped(String(message)))
  }
  const id = newExchangeId()
  report(error, id)
  return problemOf(500, `something went wrong inside; the log has it under ${id}`)
}
