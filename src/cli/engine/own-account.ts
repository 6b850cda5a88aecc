import type { EngineOperations, ShownEngineAccount } from '../../api/engine-operations.ts'
import { CliError } from '../cli-error.ts'

/** The account at this CA that orders are made with. Rejects with CliError where there is none. */
export async function ownAccount(operations: EngineOperations, ca: string): Promise<ShownEngineAccount> {
  const accounts = await operations.accounts()
  const account = accounts
    .filter((one) => one.ca === ca && one.tenant === null && one.status === 'valid')
    .at(-1)
  if (account !== undefined) return account
  const others = [...new Set(accounts.filter(({ status }) => status === 'valid').map((one) => one.ca))]
  throw new CliError(
    `there is no account at ${JSON.stringify(ca)} yet${others.length === 0 ? '' : `; there is one at ${others.join(', ')}`}`,
    `Make it with: acmetap engine accounts register ${ca} --agree-terms`,
  )
}
