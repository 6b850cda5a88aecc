import { z } from 'zod'
import { instantOf } from '../../audit/inventory/values.ts'
import { createdTokenExample, tokenExample } from '../examples.ts'
import type { ShownToken } from '../operations.ts'
import { type Route, route } from '../route.ts'
import { createdToken, type token, tokens, tokenWanted } from '../schemas/server.ts'

export const tokenRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/tokens',
    id: 'listTokens',
    tag: 'tokens',
    summary: 'Tokens, without their texts',
    role: 'admin',
    noted: 'tokens',
    answer: tokens,
    example: { tokens: [tokenExample] },
    handle: async (operations) => ({ tokens: (await operations.tokens()).map(toldOf) }),
  }),
  route({
    method: 'POST',
    path: '/tokens',
    id: 'createToken',
    tag: 'tokens',
    summary: 'Make a token; its text is told in this answer and never again',
    role: 'admin',
    status: 201,
    body: tokenWanted,
    bodyExample: { name: 'dashboard', role: 'viewer', expires: '90d' },
    answer: createdToken,
    example: createdTokenExample,
    refuses: [409],
    async handle(operations, { body: { name, role, expires }, actor }) {
      const made = await operations.createToken({ name, role, expires: expires ?? null }, actor)
      return { token: toldOf(made.token), text: made.text }
    },
  }),
  route({
    method: 'DELETE',
    path: '/tokens/{id}',
    id: 'revokeToken',
    tag: 'tokens',
    summary: 'Revoke a token: from now on it is none',
    role: 'admin',
    status: 204,
    params: z.strictObject({
      id: z
        .string()
        .regex(/^[0-9a-f]{8}$/, 'must be 8 hex digits')
        .meta({ example: tokenExample.id }),
    }),
    answer: null,
    refuses: [404],
    handle: (operations, { params, actor }) => operations.revokeToken(params.id, actor),
  }),
]

function toldOf({ id, name, role, createdAt, expires }: ShownToken): z.output<typeof token> {
  return {
    id,
    name,
    role,
    createdAt: instantOf(createdAt),
    expires: expires === null ? null : instantOf(expires),
  }
}
