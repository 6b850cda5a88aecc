import path from 'node:path'
import { type JsonObject, urlMember } from '../../acme/members.ts'
import { keyOfPem } from './account-key.ts'
import type { AccountFormat, Sighting } from './found-account.ts'

/**
 * Caddy and others on CertMagic: `acme/<CA>/users/<email>/` with `<name>.json` (the account object, plus
 * `location`) and `<name>.key` in PEM. Certificates lie in the same shape but their JSON is no account.
 */
export const caddyAccounts: AccountFormat = async (folder) => {
  const isUser = path.basename(path.dirname(folder.path)) === 'users'
  const sightings: Sighting[] = []
  for (const name of folder.files.keys()) {
    const keyName = name.replace(/\.json$/, '.key')
    if (keyName === name || !folder.has(keyName)) continue
    const account = await folder.object(name, !isUser)
    if (account === null || !isAccount(account, isUser)) continue
    sightings.push({
      client: 'caddy',
      from: folder.file(name),
      files: [folder.file(name), folder.file(keyName)],
      account: urlMember(account, 'location'),
      key: await keyOfPem(await folder.text(keyName), keyName),
      withoutUrl: 'Caddy registers again at its next issuance; let that one go through acmetap',
    })
  }
  return sightings
}

/** Elsewhere than in `users` only `location` tells: other clients keep a CA's account object beside a key too. */
function isAccount(value: JsonObject, isUser: boolean): boolean {
  if ('registration' in value) return false
  return 'location' in value || (isUser && 'status' in value)
}
