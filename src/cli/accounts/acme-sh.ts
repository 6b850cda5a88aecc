import { MAX_URL_LENGTH } from '../../acme/members.ts'
import { keyOfPem } from './account-key.ts'
import type { AccountFormat } from './found-account.ts'

/**
 * acme.sh: `ca/<server>/<directory's path>/` with `account.key` (PEM), `account.json` (the CA's answer, which
 * doesn't name the account) and `ca.conf`, shell assignments with ACCOUNT_URL among them.
 */
export const acmeShAccounts: AccountFormat = async (folder) => {
  if (!folder.has('account.key') || !(folder.has('ca.conf') || folder.has('account.json'))) return []
  const configuration = await folder.text('ca.conf')
  return [
    {
      client: 'acme.sh',
      from: folder.file(configuration === null ? 'account.key' : 'ca.conf'),
      files: ['ca.conf', 'account.json', 'account.key'].map((name) => folder.file(name)),
      account: accountUrl(configuration ?? ''),
      key: await keyOfPem(await folder.text('account.key'), 'account.key'),
      withoutUrl: 'run "acme.sh --register-account" for this CA, which writes ACCOUNT_URL, then import again',
    },
  ]
}

/** The last assignment counts, as in a shell. Nothing else of the file is read: it may hold an EAB key. */
function accountUrl(configuration: string): string | null {
  const assignments = [...configuration.matchAll(/^ACCOUNT_URL=(['"]?)([^'"\r\n]*)\1[ \t]*\r?$/gm)]
  const url = assignments.at(-1)?.[2] ?? ''
  return url === '' || url.length > MAX_URL_LENGTH ? null : url
}
