import { generateKeyPairSync } from 'node:crypto'
import { soundPath } from '../../interception/certified-chain.ts'
import { AuthorityError } from '../../interception/issuing-authority.ts'
import { refusalOf } from '../../interception/trial-handshake.ts'
import { isFault, normalise } from '../../policy/names/normalise.ts'
import { pemOf, randomSerial, spkiOf } from './authority-certificate.ts'
import type { NewLocalCa } from './create-local-ca.ts'
import type { IssuerFiles } from './issuer-files.ts'
import { type KeyLock, unlockKey } from './key-lock.ts'
import { LocalCaError } from './local-ca-error.ts'
import { type Constraints, isWithin, NameScope } from './name-scope.ts'
import { type IssuerCertificates, type LocalCaIssuer, lockId, readIssuer } from './read-issuer.ts'
import { signCertificate } from './sign-certificate.ts'

export interface Imported {
  /** PEM of the certificates, in any order. */
  readonly certificates: string
  /** PEM of the roots that may end the path; null where the certificates hold it. */
  readonly roots: string | null
  /** Take an issuer without name constraints too. */
  readonly unconstrained: boolean
  /** µs since 1970. */
  readonly now: number
}

const HOUR = 3_600_000_000

/**
 * Takes what an operator's root has signed for the pending request; it signs from now on. Rejects with LocalCaError, which
 * says the one thing that is wrong first, and changes nothing then.
 */
export async function importIssuer(
  files: IssuerFiles,
  settings: NewLocalCa,
  lock: KeyLock,
  given: Imported,
): Promise<IssuerCertificates> {
  const pending = await files.pending()
  if (pending === null)
    throw new LocalCaError(`no request is pending: acmetap local-ca csr ${files.name} prints one`)
  const { generation } = pending
  const key = unlockKey(pending.text, lock, lockId(files.name, generation))
  const path = pathOf(key, given, files.name)
  const text = pending.text + path.map(({ raw }) => pemOf(raw, 'CERTIFICATE')).join('')
  const issuer = readIssuer(text, lock, files.name, generation)
  mustCover(path[0]!.raw, issuer.constraints, settings, given)
  await mustBeAccepted(issuer, settings, given.now)
  await files.write(generation, text)
  await files.makeCurrent(generation)
  return issuer
}

function pathOf(key: Parameters<typeof soundPath>[0]['key'], given: Imported, name: string) {
  try {
    return soundPath({
      key,
      certificates: given.certificates,
      roots: given.roots,
      now: new Date(given.now / 1000),
      request: `acmetap local-ca csr ${name}`,
    })
  } catch (error) {
    if (error instanceof AuthorityError) throw new LocalCaError(error.message)
    throw error
  }
}

/** DER of `nameConstraints` and `critical`. */
const CRITICAL = Buffer.from('0603551d1e0101ff', 'hex')

function mustCover(
  issuer: Buffer,
  constraints: Constraints | null,
  { names, networks }: NewLocalCa,
  { unconstrained }: Imported,
): void {
  if (constraints === null) {
    if (unconstrained) return
    throw new LocalCaError(
      'the certificate has no name constraints: with its key one could stand in for any host on every client of your root. ' +
        'Let it be signed with those of the request; if your root cannot, repeat with --unconstrained',
    )
  }
  if (!issuer.includes(CRITICAL))
    throw new LocalCaError(
      'the name constraints of the certificate are not critical: clients may ignore them',
    )
  const missing = new NameScope(names, networks).samples.filter((sample) => {
    const name = normalise(sample)
    return isFault(name) || !isWithin(constraints, name)
  })
  if (missing.length > 0)
    throw new LocalCaError(
      `the name constraints of the certificate do not cover what is configured: ${missing.map(({ value }) => value).join(', ')}`,
    )
}

/** Asks OpenSSL whether a client of this root takes what it signs. */
async function mustBeAccepted(
  { chain, root, signer }: LocalCaIssuer,
  { names, networks }: NewLocalCa,
  now: number,
): Promise<void> {
  const { samples } = new NameScope(names, networks)
  const [host] = samples
  if (host === undefined) return
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { certificate } = signCertificate(
    {
      serial: randomSerial(),
      identifiers: samples,
      spki: spkiOf(privateKey),
      key: { keyType: 'P-256' },
      clientAuth: false,
      crl: null,
      now,
      validity: HOUR,
    },
    signer,
  )
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const refusal = await refusalOf({ chain: pemOf(certificate, 'CERTIFICATE') + chain, key }, root, host.value)
  if (refusal !== null)
    throw new LocalCaError(`a client that trusts this root refuses what it would sign: ${refusal}`)
}
