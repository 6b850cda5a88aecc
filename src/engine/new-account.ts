import { problemUrn } from '../acme/problem-types.ts'
import type { Directory } from '../acme/response-objects.ts'
import type { Signer } from './account-key.ts'
import { type AccountObject, accountObject } from './account-object.ts'
import type { AcmeSession } from './acme-session.ts'
import { EngineError } from './engine-error.ts'
import { type ExternalAccount, externalAccountBinding } from './external-account-binding.ts'
import { oneLine } from './one-line.ts'

export interface NewAccount {
  readonly contact: readonly string[]
  /** The operator agrees to the terms that the directory names. */
  readonly agreeTerms: boolean
  readonly external: ExternalAccount | null
}

/**
 * RFC 8555 §7.3. The CA answers a repetition with the account that the key has, so it may be sent again after a kill.
 * Throws EngineError (`input`) before anything is sent where terms or external account are missing.
 */
export async function newAccount(
  session: AcmeSession,
  signer: Signer,
  wanted: NewAccount,
  signal: AbortSignal,
): Promise<AccountObject> {
  await checkDemands(session, wanted, signal)
  const { newAccount: url } = await session.directory(signal)
  const answer = await session.post(
    url!,
    {
      ...(wanted.agreeTerms ? { termsOfServiceAgreed: true } : {}),
      ...(wanted.contact.length === 0 ? {} : { contact: wanted.contact }),
      ...(wanted.external === null
        ? {}
        : { externalAccountBinding: externalAccountBinding(wanted.external, signer, url!) }),
    },
    { ...signer, kid: null },
    { signal, isRepeatable: true },
  )
  return accountObject(session, answer, null)
}

/** Throws EngineError (`input`) where the CA wants what is not there: agreement to its terms, an external account. */
export async function checkDemands(
  session: AcmeSession,
  wanted: NewAccount,
  signal: AbortSignal,
): Promise<void> {
  const directory = await session.directory(signal)
  try {
    refuseDemands(session.ca, directory, wanted)
  } catch (error) {
    session.forgetDirectory()
    throw error
  }
}

/** Throws EngineError (`input`) as {@link checkDemands} does, by what the directory says. */
export function refuseDemands(
  name: string,
  { meta }: Pick<Directory, 'meta'>,
  wanted: Pick<NewAccount, 'agreeTerms' | 'external'>,
): void {
  const ca = JSON.stringify(name)
  const lacksTerms = meta.termsOfService !== null && !wanted.agreeTerms
  const lacksAccount = meta.externalAccountRequired === true && wanted.external === null
  if (lacksTerms) {
    throw new EngineError(
      'input',
      `the CA ${ca} wants you to agree to its terms, ${oneLine(meta.termsOfService!)}: read them and write agree_terms: true under engine.accounts, or give --agree-terms`,
    )
  }
  if (lacksAccount) {
    throw new EngineError(
      'input',
      `the CA ${ca} takes accounts of its customers only: write what it gave you under engine.accounts, external (key_id and hmac_key)`,
    )
  }
}

/** RFC 8555 §7.3.1: the account of a key; null where the CA has none. */
export async function findAccount(
  session: AcmeSession,
  signer: Signer,
  signal: AbortSignal,
): Promise<AccountObject | null> {
  const { newAccount: url } = await session.directory(signal)
  try {
    const answer = await session.post(
      url!,
      { onlyReturnExisting: true },
      { ...signer, kid: null },
      { signal, isRepeatable: true },
    )
    return accountObject(session, answer, null)
  } catch (error) {
    if (error instanceof EngineError && error.problem?.type === problemUrn('accountDoesNotExist')) return null
    throw error
  }
}

/** RFC 8555 §7.3.2: in the place of the contacts that are there. */
export async function putContact(
  session: AcmeSession,
  signer: Signer,
  contact: readonly string[],
  signal: AbortSignal,
): Promise<AccountObject> {
  const answer = await session.post(signer.kid!, { contact }, signer, { signal, isRepeatable: true })
  return accountObject(session, answer, signer.kid)
}

/** RFC 8555 §7.3.6. It cannot be undone. */
export async function deactivateAccount(
  session: AcmeSession,
  signer: Signer,
  signal: AbortSignal,
): Promise<AccountObject> {
  const answer = await session.post(signer.kid!, { status: 'deactivated' }, signer, { signal })
  return accountObject(session, answer, signer.kid)
}
