import { z } from 'zod'
import { account, accountFilter } from '../../audit/inventory/account.ts'
import { pageOf } from '../../audit/inventory/values.ts'
import type { AccountKey } from '../../exchange/resource.ts'
import { accountExample, accountKeyExample } from '../examples.ts'
import { type Route, route } from '../route.ts'
import { accountKey, accountKeyImport } from '../schemas/requests.ts'
import { importReport } from '../schemas/server.ts'
import { found } from './found.ts'

export const accountRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/accounts',
    id: 'listAccounts',
    tag: 'accounts',
    summary: 'Accounts at the CAs (RFC 8555 §7.1.2)',
    role: 'viewer',
    noted: 'accounts',
    query: accountFilter,
    answer: pageOf('accounts', account),
    example: { accounts: [accountExample], next: null },
    async handle({ inventory }, { query }) {
      const { items, next } = await inventory.accounts(query)
      return { accounts: items, next }
    },
  }),
  route({
    method: 'GET',
    path: '/accounts/{id}/unpause-link',
    id: 'getUnpauseLink',
    tag: 'accounts',
    summary: 'The link with which the CA lets a paused account go on',
    description:
      'Whoever has it acts for the account, so it is for admins, is not in the record and is forgotten when acmetap ends. The next refusal by the CA brings a new one.',
    role: 'admin',
    noted: 'unpause-link',
    params: z.strictObject({
      id: z
        .string()
        .min(1)
        .max(2048)
        .meta({ description: 'Id or URL (percent-encoded) of the account.', example: accountExample.id }),
    }),
    answer: z.strictObject({ link: z.string() }),
    example: { link: 'https://ca.example.com/sfe/v1/unpause?jwt=…' },
    refuses: [404],
    async handle(operations, { params }) {
      const link = await operations.unpauseLink(params.id)
      return { link: found(link, 'no link is remembered for an account with this id or URL') }
    },
  }),
  route({
    method: 'GET',
    path: '/accounts/keys',
    id: 'listAccountKeys',
    tag: 'accounts',
    summary: 'Public keys of accounts, which signatures are verified with',
    role: 'operator',
    noted: 'account-keys',
    answer: z.strictObject({ keys: z.array(accountKey) }),
    example: { keys: [accountKeyExample] },
    handle: async (operations) => ({ keys: await operations.accounts() }),
  }),
  route({
    method: 'POST',
    path: '/accounts/keys',
    id: 'importAccountKeys',
    tag: 'accounts',
    summary: 'Take in public keys of accounts that were made before acmetap saw them',
    role: 'operator',
    body: accountKeyImport,
    bodyExample: { keys: [accountKeyExample] },
    bodyLimit: 10 << 20,
    answer: importReport,
    example: { added: 1, known: 0 },
    handle: (operations, { body }) =>
      operations.importAccounts(body.keys as unknown as readonly AccountKey[]),
  }),
]
