import { urlMember } from '../../acme/members.ts'
import { keyOfJwk } from './account-key.ts'
import type { AccountFormat } from './found-account.ts'

/** certbot: `accounts/<server>/<id>/` with `regr.json` ({ uri, body }) and `private_key.json` (a JWK). */
export const certbotAccounts: AccountFormat = async (folder) => {
  if (!folder.has('private_key.json') || !(folder.has('regr.json') || folder.has('meta.json'))) return []
  const registration = await folder.object('regr.json')
  return [
    {
      client: 'certbot',
      from: folder.file(registration ? 'regr.json' : 'private_key.json'),
      files: ['regr.json', 'meta.json', 'private_key.json'].map((name) => folder.file(name)),
      account: urlMember(registration, 'uri'),
      key: await keyOfJwk(await folder.object('private_key.json'), 'private_key.json'),
      withoutUrl: 'run "certbot register" with this configuration and server, then import again',
    },
  ]
}
