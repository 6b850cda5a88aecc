/** The document of the interface (OpenAPI 3.1), made from the rows of the table and the schemas they validate with. */
import swagger from '@fastify/swagger'
import type { FastifyInstance, FastifySchema } from 'fastify'
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod'
import type { OpenAPIV3_1 } from 'openapi-types'
import { z } from 'zod'
import { problemDocument } from './problem.ts'
import type { Contents, Route } from './route.ts'
import { nameSchemas } from './schemas/names.ts'

const ABOUT = `What acmetap's record and inventory answer. Lists are newest first, a page at a time: follow \`next\`. Parameters and values that are not known are refused by name. Objects may gain members and lists of words may gain words within version 1; nothing is renamed or removed.`

const TAGS: Readonly<Record<string, string>> = {
  exchanges: 'The record: every request with its answer',
  orders: 'What was asked for',
  certificates: 'What was delivered or imported',
  challenges: 'How names were validated',
  accounts: 'Accounts at the CAs',
  clients: 'Who asks',
  failures: 'What went wrong, why, and what to do',
  alerts: 'What somebody must be told, who was told, and what is kept quiet',
  'watch list': 'Places that serve certificates',
  policy: 'Who may get which certificate: the rules in force, and candidates tried on what was asked',
  engine: "acmetap's own ACME client: managed certificates, jobs, accounts",
  broker: 'acmetap as an ACME server: endpoints, orders, EAB keys, drills',
  reissue: 'Plans to obtain certificates again',
  summary: 'Counts over time',
  server: 'The process and its record',
  tokens: 'Who may ask here',
}

const REFUSALS: Readonly<Record<number, string>> = {
  400: 'A parameter or value that is not known: the detail names it and what is allowed.',
  401: 'No token, or one that is not valid.',
  403: 'The token has not the role this needs, or a page of another origin asked for a change.',
  404: 'There is none.',
  409: 'Something is in the way.',
  429: 'Too many of these at once.',
  502: 'The CA could not be reached, or answered what no CA should.',
  503: 'The record cannot be written or read now; Retry-After says when to ask again.',
}
const EVERYWHERE = [400, 401, 403, 503]

/** To be called before the routes are registered. `version`: of acmetap. */
export async function describeRoutes(app: FastifyInstance, version: string): Promise<void> {
  nameSchemas()
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'acmetap',
        version,
        description: ABOUT,
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: '/', description: 'The admin listener' }],
      tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
      components: {
        securitySchemes: {
          bearer: {
            type: 'http',
            scheme: 'bearer',
            description: 'A token made with `acmetap token create`. Never in a URL.',
          },
        },
      },
    } as never,
    transform: (given) => {
      const { row } = (given.route.config ?? {}) as { row?: Route }
      if (row === undefined) return { schema: { hide: true } as never, url: given.url }
      return jsonSchemaTransform({ ...given, schema: schemaOf(row) as FastifySchema } as never) as never
    },
    transformObject: (given) => {
      const document = jsonSchemaTransformObject(given as never) as OpenAPIV3_1.Document
      return withoutUnused(finish(document, rowsOf(app))) as never
    },
    stripBasePath: false,
  })
  const rows: Route[] = []
  app.addHook('onRoute', ({ config }) => {
    const { row } = (config ?? {}) as { row?: Route }
    if (row !== undefined) rows.push(row)
  })
  described.set(app, rows)
}

const described = new WeakMap<FastifyInstance, Route[]>()
function rowsOf(app: FastifyInstance): readonly Route[] {
  return described.get(app) ?? []
}

function schemaOf(row: Route): object {
  const refusals = [...EVERYWHERE, ...(row.refuses ?? [])].map((status) => [
    status,
    { description: REFUSALS[status], content: { 'application/problem+json': { schema: problemDocument } } },
  ])
  return {
    operationId: row.id,
    tags: [row.tag],
    summary: row.summary,
    ...(row.description === undefined ? {} : { description: row.description }),
    ...(row.params === undefined ? {} : { params: row.params }),
    ...(row.query === undefined ? {} : { querystring: row.query }),
    ...(row.body === undefined ? {} : { body: row.body }),
    response: { [row.status ?? 200]: answerOf(row), ...Object.fromEntries(refusals) },
    security: row.role === 'local' ? [] : [{ bearer: [] }],
    'x-acmetap-role': row.role,
  }
}

function answerOf({ answer, summary }: Route): object {
  if (answer === null) return z.null().meta({ description: 'Done.' })
  const contents = isContents(answer) ? answer : { 'application/json': { schema: answer } }
  return { description: summary, content: contents }
}

function isContents(answer: z.ZodType | Contents): answer is Contents {
  return !('_zod' in answer)
}

/** What the generator has no place for: examples of answers and bodies, Last-Event-ID, what needs no token. */
function finish(document: OpenAPIV3_1.Document, rows: readonly Route[]): OpenAPIV3_1.Document {
  const byId = new Map(rows.map((row) => [row.id, row]))
  for (const path of Object.values(document.paths ?? {})) {
    for (const operation of Object.values(path ?? {}) as OpenAPIV3_1.OperationObject[]) {
      const row = byId.get(operation.operationId ?? '')
      if (row === undefined) continue
      giveExamples(operation, row)
      if (row.id === 'followExchanges') {
        operation.parameters = [
          ...(operation.parameters ?? []),
          {
            in: 'header',
            name: 'Last-Event-ID',
            required: false,
            description: 'Id of the last event that was received: the feed goes on behind it.',
            schema: { type: 'string', pattern: '^[0-9]{1,15}$' },
          },
        ]
      }
    }
  }
  return document
}

function giveExamples(operation: OpenAPIV3_1.OperationObject, row: Route): void {
  for (const parameter of (operation.parameters ?? []) as OpenAPIV3_1.ParameterObject[]) {
    const schema = parameter.schema as { example?: unknown } | undefined
    if (schema?.example === undefined) continue
    parameter.example = schema.example
    delete schema.example
  }
  const body = (operation.requestBody as OpenAPIV3_1.RequestBodyObject | undefined)?.content[
    'application/json'
  ]
  if (body !== undefined && row.bodyExample !== undefined) body.example = row.bodyExample
  const answer = operation.responses?.[String(row.status ?? 200)] as OpenAPIV3_1.ResponseObject | undefined
  for (const [type, media] of Object.entries(answer?.content ?? {})) {
    const own = row.answer !== null && isContents(row.answer) ? row.answer[type]?.example : row.example
    if (own !== undefined) media.example = own
  }
}

/** The generator makes two forms of every named schema, for requests and for answers; what no route uses goes. */
function withoutUnused(document: OpenAPIV3_1.Document): OpenAPIV3_1.Document {
  const schemas = document.components?.schemas ?? {}
  const used = new Set<string>()
  const follow = (part: unknown) => {
    for (const [, name] of JSON.stringify(part).matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
      if (used.has(name!)) continue
      used.add(name!)
      follow(schemas[name!])
    }
  }
  follow(document.paths)
  const kept = Object.fromEntries(Object.entries(schemas).filter(([name]) => used.has(name)))
  return { ...document, components: { ...document.components, schemas: kept } }
}
