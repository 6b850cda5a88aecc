import { parseListName } from './issuer-files.ts'
import type { LocalCrl } from './local-ca-store.ts'
import type { LocalCa } from './open-local-ca.ts'

/** The revocation list that is asked for as `internal.crl` or `internal.2.crl`, fresh. Null: there is no such list. */
export async function findList(file: string, ca: (name: string) => LocalCa | null): Promise<LocalCrl | null> {
  const wanted = parseListName(file)
  const found = wanted && ca(wanted.name)
  return found ? await found.currentCrl(wanted.generation) : null
}
