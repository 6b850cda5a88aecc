import { Validator } from '@seriousme/openapi-schema-validator'
import type { OpenAPIV3_1 } from 'openapi-types'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { exchangeExample } from '../../src/api/examples.ts'
import { ROUTES } from '../../src/api/routes.ts'
import { type Admin, ExampleOperations, openAdmin } from './example-operations.ts'

interface Described {
  readonly id: string
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly path: string
  readonly operation: OpenAPIV3_1.OperationObject & { readonly 'x-acmetap-role': string }
}

let admin: Admin
let document: OpenAPIV3_1.Document
let described: Described[]

beforeAll(async () => {
  admin = await openAdmin()
  document = (await admin.app.inject('/api/v1/openapi.json')).json()
  described = Object.entries(document.paths ?? {}).flatMap(([path, methods]) =>
    Object.entries(methods ?? {}).map(([method, operation]) => ({
      id: (operation as OpenAPIV3_1.OperationObject).operationId ?? '',
      method: method.toUpperCase() as Described['method'],
      path,
      operation: operation as Described['operation'],
    })),
  )
})
afterAll(() => admin.app.close())

/** A schema of the document as one that judges. */
function judge(schema: unknown): z.ZodType {
  const text = JSON.stringify({ ...(schema as object), $defs: document.components?.schemas })
  return z.fromJSONSchema(JSON.parse(text.replaceAll('#/components/schemas/', '#/$defs/')))
}

function answerOf({ operation }: Described): {
  status: number
  content: Record<string, OpenAPIV3_1.MediaTypeObject>
} {
  const [status, answer] = Object.entries(operation.responses ?? {}).find(([code]) => code.startsWith('2'))!
  return { status: Number(status), content: (answer as OpenAPIV3_1.ResponseObject).content ?? {} }
}

test('the document is valid OpenAPI 3.1', async () => {
  const result = await new Validator().validate(structuredClone(document) as never)
  expect(result.errors).toBeUndefined()
  expect(result.valid).toBe(true)
  expect(document.openapi).toBe('3.1.0')
})

test('it has every route of the table but those of the socket, each with its role, and nothing else', () => {
  const rows = ROUTES.filter(({ role }) => role !== 'local')
  const key = (method: string, path: string) => `${method} ${path}`
  expect(described.map(({ method, path }) => key(method, path)).sort()).toEqual(
    rows.map(({ method, path }) => key(method, `/api/v1${path}`)).sort(),
  )
  const roles = new Map(rows.map(({ id, role }) => [id, role]))
  for (const { id, operation } of described) expect(operation['x-acmetap-role']).toBe(roles.get(id))
})

test('each operation has an id of its own, a tag, words, problems and a security scheme', () => {
  expect(new Set(described.map(({ id }) => id)).size).toBe(described.length)
  const tags = document.tags?.map(({ name }) => name)
  for (const { id, operation } of described) {
    expect(tags, id).toContain(operation.tags?.[0])
    expect(operation.summary, id).toMatch(/\w{3}/)
    expect(operation.security, id).toEqual([{ bearer: [] }])
    for (const status of ['400', '401', '403', '503']) {
      const refusal = operation.responses?.[status] as OpenAPIV3_1.ResponseObject
      expect(Object.keys(refusal.content ?? {}), `${id} ${status}`).toEqual(['application/problem+json'])
    }
  }
})

test('no schema is named in vain, and none is missing', () => {
  const text = JSON.stringify(document)
  const used = new Set([...text.matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name))
  expect(Object.keys(document.components?.schemas ?? {}).sort()).toEqual([...used].sort())
})

test('every answer that is JSON has an example that fits its schema', () => {
  let judged = 0
  for (const one of described) {
    for (const [type, { schema, example }] of Object.entries(answerOf(one).content)) {
      expect(example, `${one.id} ${type}`).toBeDefined()
      if (type !== 'application/json') continue
      judge(schema).parse(example)
      judged += 1
    }
  }
  expect(judged).toBeGreaterThan(20)
})

test('the judge of answers can say no', () => {
  const list = described.find(({ id }) => id === 'listExchanges')!
  const { schema, example } = answerOf(list).content['application/json']!
  const broken = structuredClone(example) as { exchanges: { intent: Record<string, unknown> }[] }
  delete broken.exchanges[0]?.intent.sequence
  expect(judge(schema).safeParse(broken).success).toBe(false)
  expect(judge(schema).safeParse({ ...(example as object), more: 1 }).success).toBe(false)
})

test('every parameter of a path and every body has an example', () => {
  for (const { id, operation } of described) {
    for (const parameter of (operation.parameters ?? []) as OpenAPIV3_1.ParameterObject[]) {
      if (parameter.in === 'path') expect(parameter.example, `${id} ${parameter.name}`).toBeDefined()
    }
    const body = operation.requestBody as OpenAPIV3_1.RequestBodyObject | undefined
    if (body !== undefined) expect(body.content['application/json']?.example, id).toBeDefined()
  }
})

describe('every route, asked as the document says', () => {
  const rows = ROUTES.filter(({ role }) => role !== 'local')
  test.each(rows.map(({ id }) => id))('%s', async (id) => {
    const one = described.find((other) => other.id === id)!
    const operations = new ExampleOperations()
    operations.upcoming = [exchangeExample]
    const { app, bearer } = await openAdmin(operations)
    const headers = await bearer('admin')
    const parameters = (one.operation.parameters ?? []) as OpenAPIV3_1.ParameterObject[]
    const path = parameters
      .filter((parameter) => parameter.in === 'path')
      .reduce(
        (text, { name, example }) => text.replace(`{${name}}`, encodeURIComponent(String(example))),
        one.path,
      )
    const queries = parameters.filter((parameter) => parameter.in === 'query')
    const values = queries.flatMap((parameter) => valuesOf(parameter).map((value) => [parameter.name, value]))
    const body = one.operation.requestBody as OpenAPIV3_1.RequestBodyObject | undefined
    const payload = body?.content['application/json']?.example as object | undefined
    const { status, content } = answerOf(one)
    for (const query of [
      '',
      ...values.map(([name, value]) => `?${new URLSearchParams([[name!, value!]])}`),
    ]) {
      const answer = await app.inject({
        method: one.method,
        url: `${path}${query}`,
        headers,
        ...(payload === undefined ? {} : { payload }),
      })
      expect(answer.statusCode, `${query} ${answer.body.slice(0, 300)}`).toBe(status)
      const type = String(answer.headers['content-type'] ?? '').split(';')[0]!
      if (status === 204) expect(answer.body).toBe('')
      else expect(Object.keys(content)).toContain(type)
      if (type === 'application/json') judge(content[type]!.schema).parse(answer.json())
    }
    await app.close()
  })
})

/** The example of a parameter and every word of a closed list. */
function valuesOf({ schema, example }: OpenAPIV3_1.ParameterObject): string[] {
  const words = (schema as OpenAPIV3_1.SchemaObject).enum ?? []
  return [...(example === undefined ? [] : [example]), ...words].map(String)
}

test('a refusal fits its schema', async () => {
  const { app, bearer } = admin
  const problem = judge({ $ref: '#/components/schemas/Problem' })
  const headers = await bearer('viewer')
  for (const url of ['/api/v1/orders?colour=red', '/api/v1/tokens', '/api/v1/orders/none', '/nothing']) {
    const answer = await app.inject({ url, headers })
    expect(answer.headers['content-type']).toContain('application/problem+json')
    problem.parse(answer.json())
  }
})
