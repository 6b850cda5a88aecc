import path from 'node:path'
import { keyOfPem } from './account-key.ts'
import type { AccountFormat } from './found-account.ts'

/** uacme: `private/key.pem`, and nowhere the URL: it asks the CA for it at each run. */
export const uacmeAccounts: AccountFormat = async (folder) => {
  if (path.basename(folder.path) !== 'private' || !folder.has('key.pem')) return []
  return [
    {
      client: 'uacme',
      from: folder.file('key.pem'),
      files: [folder.file('key.pem')],
      account: null,
      key: await keyOfPem(await folder.text('key.pem'), 'key.pem'),
      withoutUrl:
        'uacme keeps none and asks the CA for it at every run, so its next run through acmetap teaches the key',
    },
  ]
}
