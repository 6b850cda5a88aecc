import { urlMember } from '../../acme/members.ts'
import { keyOfPem } from './account-key.ts'
import type { AccountFormat } from './found-account.ts'

/**
 * dehydrated: `accounts/<base64 of the directory's URL>/` with `account_key.pem`, `account_id.json` ({ url }) and
 * `registration_info.json` (the CA's answer, which doesn't name the account).
 */
export const dehydratedAccounts: AccountFormat = async (folder) => {
  if (!folder.has('account_key.pem')) return []
  const id = await folder.object('account_id.json')
  return [
    {
      client: 'dehydrated',
      from: folder.file(id ? 'account_id.json' : 'account_key.pem'),
      files: ['account_id.json', 'registration_info.json', 'account_key.pem'].map((name) =>
        folder.file(name),
      ),
      account: urlMember(id, 'url'),
      key: await keyOfPem(await folder.text('account_key.pem'), 'account_key.pem'),
      withoutUrl: 'run "dehydrated --account" once, which writes account_id.json, then import again',
    },
  ]
}
