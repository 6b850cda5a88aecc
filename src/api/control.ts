import fastify, { type FastifyInstance } from 'fastify'
import { LOCAL } from './authentication.ts'
import { handleErrors, type ReportError } from './error-handler.ts'
import type { Operations } from './operations.ts'
import { LONGEST_SEGMENT, registerRoutes } from './register.ts'
import { ROUTES } from './routes.ts'

/** The interface for the socket: whoever reaches it may do everything. `stop` ends every running feed. */
export function controlApp(operations: Operations, report: ReportError, stop: AbortSignal): FastifyInstance {
  const app = fastify({ logger: false, routerOptions: { maxParamLength: LONGEST_SEGMENT } })
  handleErrors(app, report)
  registerRoutes(app, ROUTES, { operations, authorise: async () => LOCAL, stop })
  return app
}
