import type { LocalCaConfig } from '../../config/broker.ts'
import { issuerName, makeAuthority, makeIssuerRequest, pemOf } from './authority-certificate.ts'
import type { IssuerFiles } from './issuer-files.ts'
import { type KeyLock, lockKey, makeIssuerKey, unlockKey } from './key-lock.ts'
import { LocalCaError } from './local-ca-error.ts'
import { NameScope } from './name-scope.ts'
import { type IssuerCertificates, lockId, readCertificates } from './read-issuer.ts'

const DAY = 86_400_000_000
/** µs. Ten years: a root is hard to change on every client. */
const LIFETIME = 3650 * DAY

export type NewLocalCa = Pick<LocalCaConfig, 'names' | 'networks' | 'common_name'>

/**
 * A root of its own and an issuer under it. The first one signs from now on; a later one when it is activated, so that
 * clients can have its root before. Rejects with LocalCaError for names that are no patterns.
 */
export async function createIssuer(
  files: IssuerFiles,
  settings: NewLocalCa,
  lock: KeyLock,
  now: number,
): Promise<IssuerCertificates> {
  const { subtrees } = new NameScope(settings.names, settings.networks)
  const first = (await files.current()) === null
  const generation = await files.nextNumber()
  const [rootKey, issuerKey] = [makeIssuerKey(), makeIssuerKey()]
  const { root, issuer } = makeAuthority(
    { commonName: settings.common_name, generation, subtrees, now, lifetime: LIFETIME },
    rootKey,
    issuerKey,
  )
  const text = [
    lockKey(issuerKey, lock, lockId(files.name, generation)),
    pemOf(issuer, 'CERTIFICATE'),
    pemOf(root, 'CERTIFICATE'),
  ].join('')
  await files.write(generation, text)
  if (first) await files.makeCurrent(generation)
  return readCertificates(text, generation)
}

/** The youngest issuer that was made and has never signed; null: there is none. */
export async function waitingIssuer(files: IssuerFiles): Promise<IssuerCertificates | null> {
  const current = await files.current()
  const last = (await files.generations()).at(-1)
  if (last === undefined || current === null || last <= current) return null
  return readCertificates(await files.read(last), last)
}

/** The one that waits signs from now on. */
export async function activateIssuer(files: IssuerFiles): Promise<IssuerCertificates> {
  const waiting = await waitingIssuer(files)
  if (waiting === null)
    throw new LocalCaError(`no issuer waits: acmetap local-ca create ${files.name} --next makes one`)
  await files.makeCurrent(waiting.generation)
  return waiting
}

/** PEM of what an operator's own root is asked to sign. Printed twice before anything is imported, it is for the same key. */
export async function requestIssuer(
  files: IssuerFiles,
  settings: NewLocalCa,
  lock: KeyLock,
): Promise<{ readonly request: string; readonly scope: NameScope }> {
  const scope = new NameScope(settings.names, settings.networks)
  const pending = await files.pending()
  const generation = pending?.generation ?? (await files.nextNumber())
  const id = lockId(files.name, generation)
  const key = pending === null ? makeIssuerKey() : unlockKey(pending.text, lock, id)
  if (pending === null) await files.writePending(generation, lockKey(key, lock, id))
  const request = makeIssuerRequest(key, issuerName(settings.common_name, generation), scope.subtrees)
  return { request: pemOf(request, 'CERTIFICATE REQUEST'), scope }
}
