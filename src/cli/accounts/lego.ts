import path from 'node:path'
import { isJsonObject, member, stringMember, urlMember } from '../../acme/members.ts'
import type { AccountFolder } from './account-folder.ts'
import { keyOfPem } from './account-key.ts'
import type { AccountFormat } from './found-account.ts'

/**
 * lego: `accounts/<server>/<email>/account.json` ({ email, registration: { uri, body } }) and, one level down,
 * `keys/<email>.key` in PEM.
 */
export const legoAccounts =
  (keysOf: (folder: AccountFolder) => Promise<AccountFolder | null>): AccountFormat =>
  async (folder) => {
    if (!folder.has('account.json') || folder.has('account.key')) return []
    const account = await folder.object('account.json')
    const registration = member(account, 'registration')
    if (!isJsonObject(registration) && stringMember(account, 'email', 1024) === null) return []
    const keys = await keysOf(folder)
    const name = keyName(keys, stringMember(account, 'email', 1024))
    const shown = path.join('keys', name ?? '*.key')
    return [
      {
        client: 'lego',
        from: folder.file('account.json'),
        files: [folder.file('account.json'), ...(keys && name ? [keys.file(name)] : [])],
        account: urlMember(registration, 'uri'),
        key: await keyOfPem(keys && name ? await keys.text(name) : null, shown),
        withoutUrl: 'the registration was never finished; run "lego run" for this address, then import again',
      },
    ]
  }

/** The file named after the address; where the address is unknown, the only key there is. */
function keyName(keys: AccountFolder | null, email: string | null): string | null {
  if (!keys) return null
  if (email !== null && keys.has(`${email}.key`)) return `${email}.key`
  const names = [...keys.files.keys()].filter((name) => name.endsWith('.key'))
  return names.length === 1 ? names[0]! : null
}
