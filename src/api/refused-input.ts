import type { FastifyRequest } from 'fastify'
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod'
import { escaped, RequestRefused, shown } from './problem.ts'
import { routeOf } from './route.ts'

/** More than these help nobody. */
const TOLD = 5

/** What is wrong with a query, path or body, by name: the value, and what is allowed. Null for any other error. */
export function refusedInput(error: unknown, request: FastifyRequest): RequestRefused | null {
  if (!hasZodFastifySchemaValidationErrors(error)) return null
  const context = (error as { validationContext?: string }).validationContext ?? 'querystring'
  const given = givenTo(request, context)
  const parameters = error.validation.flatMap((issue) => {
    const path = issue.instancePath.split('/').slice(1)
    const params = issue.params as unknown as Readonly<Record<string, unknown>>
    if (issue.keyword === 'unrecognized_keys') {
      const known = knownNames(request, context, path)
      return (params.keys as readonly string[]).slice(0, TOLD).map((key) => ({
        name: shown([...path.filter((part) => part !== ''), key].join('.')),
        value: shown(at(given, [...path, key])),
        message: known === null ? 'unknown' : `unknown; known: ${known.join(', ')}`,
      }))
    }
    const value = at(given, path)
    return [
      {
        name: shown(path.join('.')) || nameOf(context),
        value: value === undefined ? null : shown(value),
        message: messageOf(issue.message ?? 'is refused', value, params),
      },
    ]
  })
  const told = parameters.slice(0, TOLD)
  const detail = told.map(({ name, value, message }) => {
    const repeated = value === null || message.startsWith('unknown') ? '' : `${JSON.stringify(value)} `
    return `${name}: ${repeated}${message}`
  })
  return new RequestRefused(400, detail.join('; '), { parameters: told })
}

function messageOf(message: string, value: unknown, { values }: Readonly<Record<string, unknown>>): string {
  if (value === undefined || value === null) return 'is missing'
  if (Array.isArray(value) && !Array.isArray(values) && /expected string/.test(message))
    return 'must be given once'
  if (Array.isArray(values)) return `must be one of ${values.map(String).join(', ')}`
  return escaped(message)
}

function givenTo(request: FastifyRequest, context: string): unknown {
  if (context === 'params') return request.params
  if (context === 'body') return request.body
  return context === 'headers' ? request.headers : request.query
}

function nameOf(context: string): string {
  return context === 'querystring' ? 'query' : context
}

/** Of a query: what its route takes. */
function knownNames(request: FastifyRequest, context: string, path: readonly string[]): string[] | null {
  if (context !== 'querystring' || path.some((part) => part !== '')) return null
  const shape = (routeOf(request)?.query as { shape?: object } | undefined)?.shape
  return shape === undefined ? [] : Object.keys(shape)
}

function at(value: unknown, path: readonly string[]): unknown {
  let found = value
  for (const part of path.filter((one) => one !== '')) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, part)) return undefined
    found = (found as Record<string, unknown>)[part]
  }
  return found
}
