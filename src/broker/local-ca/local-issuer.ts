import { readLeaf } from '../../acme/certificate.ts'
import { inside, readOne, SEQUENCE } from '../../acme/der.ts'
import type { Identifier } from '../../acme/identifier.ts'
import type { SubproblemDocument } from '../../acme/problem.ts'
import { PROBLEM_TYPES, type ProblemName, problemUrn } from '../../acme/problem-types.ts'
import { type PublicKeyFacts, publicKeyFacts } from '../../acme/public-key.ts'
import { REVOCATION_REASONS } from '../../acme/revocation-reasons.ts'
import type { Clock } from '../../exchange/clock.ts'
import { isFault, normalise } from '../../policy/names/normalise.ts'
import {
  type IssuedCertificate,
  type Issuer,
  IssuerError,
  type PlacedAt,
  type WantedOrder,
} from '../issuer.ts'
import { pemOf, randomSerial } from './authority-certificate.ts'
import { listUrl } from './issuer-files.ts'
import { LocalCaError } from './local-ca-error.ts'
import type { LocalCaStore } from './local-ca-store.ts'
import { isWithin } from './name-scope.ts'
import type { LocalCa } from './open-local-ca.ts'
import type { LocalCaIssuer } from './read-issuer.ts'
import { signCertificate } from './sign-certificate.ts'

export interface LocalIssuerParts {
  readonly ca: LocalCa
  readonly store: LocalCaStore
  readonly clock: Clock
  /** Of the broker's order of that id; null: there is none. */
  readonly identifiersOf: (order: string) => Promise<readonly Identifier[] | null>
}

/** Orders whose names are remembered until they are finalized; of others the store is asked. */
const REMEMBERED = 10_000
/** Bits. */
const SMALLEST_RSA = 2048
const LARGEST_RSA = 8192
const CURVES: ReadonlySet<string> = new Set(['P-256', 'P-384', 'P-521', 'Ed25519'])

type What = Pick<WantedOrder, 'identifiers' | 'profile'>

/**
 * A local CA as an issuer. Nothing is kept of an order until its certificate is signed: the reference is the order's id, and
 * its profile behind a colon. Who may have which names the endpoint has decided; here it is whether this CA may sign them.
 */
export class LocalIssuer implements Issuer {
  readonly ca: string
  readonly #parts: LocalIssuerParts
  readonly #names = new Map<string, readonly Identifier[]>()

  constructor(parts: LocalIssuerParts) {
    this.ca = parts.ca.name
    this.#parts = parts
  }

  async place(wanted: WantedOrder): Promise<PlacedAt> {
    await this.#check(wanted)
    const { order, profile, identifiers } = wanted
    this.#remember(order, identifiers)
    return { reference: profile === null ? order : `${order}:${profile}`, expiresAt: null }
  }

  /** There is nobody to prove anything to. */
  async authorize(): Promise<void> {}

  async finalize(reference: string, csr: string): Promise<IssuedCertificate> {
    const { order, profile } = partsOf(reference)
    const { spki, facts } = this.#requestedKey(csr)
    const identifiers = this.#names.get(order) ?? (await this.#parts.identifiersOf(order))
    if (identifiers === null) throw this.#refused('malformed', `there is no order ${order}`)
    // What was placed may be another's by now: settings change.
    const { issuer } = await this.#check({ identifiers, profile })
    const { settings, name } = this.#parts.ca
    const kind = settings.profiles.find((one) => one.name === profile)
    const { wall } = this.#parts.clock.now()
    const serial = randomSerial()
    const signed = signCertificate(
      {
        serial,
        identifiers,
        spki,
        key: facts,
        clientAuth: kind?.client_auth ?? false,
        crl: settings.crl === undefined ? null : listUrl(settings.crl, issuer.generation),
        now: wall,
        validity: (kind?.validity ?? settings.validity) * 1000,
      },
      issuer.signer,
    )
    const kept = await this.#parts.store.addLocalCertificate({
      ca: name,
      generation: issuer.generation,
      serial: serial.toString('hex'),
      order,
      ...signed,
      issuedAt: wall,
      revokedAt: null,
      reason: null,
    })
    this.#names.delete(order)
    if (kept.certificate !== signed.certificate && readLeaf(kept.certificate)?.spki !== facts.spki)
      throw this.#refused('orderNotReady', 'the order has a certificate already, for another key')
    const { chain } =
      kept.generation === issuer.generation
        ? issuer
        : await this.#usable(this.#parts.ca.issuer(kept.generation))
    return { chains: [pemOf(kept.certificate, 'CERTIFICATE') + chain], upstreamAccount: null }
  }

  async abandon(reference: string): Promise<void> {
    this.#names.delete(partsOf(reference).order)
  }

  /** What was placed is with the broker's order and nowhere else. */
  async placed(): Promise<readonly []> {
    return []
  }

  async revoke(
    certificate: Buffer,
    _upstreamAccount: string | null,
    reason: number,
  ): Promise<'revoked' | 'alreadyRevoked'> {
    const { ca, store } = this.#parts
    if (REVOCATION_REASONS[reason] === undefined)
      throw this.#refused(
        'badRevocationReason',
        `reason ${reason} is not allowed; allowed are ${Object.keys(REVOCATION_REASONS).join(', ')}`,
      )
    const leaf = readLeaf(certificate)
    const kept = leaf && (await store.localCertificate(this.ca, leaf.serial))
    if (!kept?.certificate.equals(certificate))
      throw this.#refused('malformed', 'the certificate is not of this CA')
    const done = await ca.revoke(kept.serial, reason)
    if (done === null) throw this.#refused('malformed', 'the certificate is not of this CA')
    return done
  }

  /** Answered by whoever knows the certificate. */
  async renewalInfo(): Promise<null> {
    return null
  }

  async unfit(wanted: What): Promise<string | null> {
    return await this.#check(wanted).then(
      () => null,
      (error: unknown) => {
        if (error instanceof IssuerError) return error.message
        throw error
      },
    )
  }

  /** Rejects with IssuerError where no such certificate is signed here. */
  async #check({ identifiers, profile }: What): Promise<{ readonly issuer: LocalCaIssuer }> {
    const { ca } = this.#parts
    const { scope, settings } = ca
    const outside = identifiers.flatMap((identifier) => {
      const why = scope.refusal(identifier)
      return why === null ? [] : [{ identifier, why }]
    })
    if (outside.length > 0) throw this.#rejected(outside)
    if (profile !== null && !settings.profiles.some(({ name }) => name === profile))
      throw this.#refused('invalidProfile', `there is no profile ${JSON.stringify(profile)} here`)
    const issuer = await this.#usable(ca.current())
    const { wall } = this.#parts.clock.now()
    if (wall >= issuer.notAfter || wall < issuer.notBefore)
      throw this.#unfit(
        `its issuer is valid from ${dateOf(issuer.notBefore)} to ${dateOf(issuer.notAfter)} only: see acmetap local-ca show ${ca.name}`,
      )
    const { constraints } = issuer
    const beyond = constraints && identifiers.find((each) => !isCovered(each, constraints))
    if (beyond)
      throw this.#unfit(
        `the name constraints of its issuer do not cover ${beyond.value}: it was made for other names (acmetap local-ca show ${ca.name})`,
      )
    return { issuer }
  }

  #requestedKey(csr: string): { readonly spki: Buffer; readonly facts: PublicKeyFacts } {
    let read: { readonly spki: Buffer; readonly facts: PublicKeyFacts }
    try {
      const [info] = inside(readOne(Buffer.from(csr, 'base64url')), SEQUENCE)
      const [, , key] = inside(info, SEQUENCE)
      read = { spki: key!.whole, facts: publicKeyFacts(key) }
    } catch {
      throw this.#refused('badCSR', 'the CSR cannot be read')
    }
    const { keyType, keyBits } = read.facts
    if (keyType === 'RSA') {
      if (keyBits === null || keyBits < SMALLEST_RSA || keyBits > LARGEST_RSA)
        throw this.#refused(
          'badCSR',
          `the RSA key has ${keyBits} bits; ${SMALLEST_RSA} to ${LARGEST_RSA} are allowed`,
        )
    } else if (!CURVES.has(keyType))
      throw this.#refused(
        'badCSR',
        `a key of the kind ${keyType} is not allowed; RSA, ${[...CURVES].join(', ')} are`,
      )
    return read
  }

  #rejected(outside: readonly { readonly identifier: Identifier; readonly why: string }[]): IssuerError {
    const type = problemUrn('rejectedIdentifier')
    const subproblems: SubproblemDocument[] = outside.map(({ identifier, why }) => ({
      type,
      detail: why,
      identifier: { type: identifier.type, value: identifier.value },
    }))
    const names = outside.map(({ identifier }) => identifier.value)
    const few = names.slice(0, 3).join(', ') + (names.length > 3 ? ` and ${names.length - 3} more` : '')
    return outside.length === 1
      ? this.#refused('rejectedIdentifier', outside[0]!.why)
      : this.#refused('rejectedIdentifier', `${few}: not among the names of this CA`, subproblems)
  }

  #refused(name: ProblemName, detail: string, subproblems: readonly SubproblemDocument[] = []): IssuerError {
    return new IssuerError(this.ca, 'refused', `the CA ${JSON.stringify(this.ca)} refused: ${detail}`, {
      type: problemUrn(name),
      detail,
      status: PROBLEM_TYPES[name].status,
      subproblems,
    })
  }

  #unfit(why: string): IssuerError {
    return new IssuerError(this.ca, 'unfit', `the local CA ${JSON.stringify(this.ca)} cannot sign: ${why}`)
  }

  async #usable(issuer: Promise<LocalCaIssuer>): Promise<LocalCaIssuer> {
    try {
      return await issuer
    } catch (error) {
      if (error instanceof LocalCaError) throw this.#unfit(error.message)
      throw error
    }
  }

  #remember(order: string, identifiers: readonly Identifier[]): void {
    if (this.#names.size >= REMEMBERED) {
      for (const oldest of this.#names.keys()) {
        this.#names.delete(oldest)
        break
      }
    }
    this.#names.set(order, identifiers)
  }
}

function isCovered(identifier: Identifier, constraints: NonNullable<LocalCaIssuer['constraints']>): boolean {
  const name = normalise(identifier)
  return !isFault(name) && isWithin(constraints, name)
}

/** Ids of orders are base64url: the first colon ends one. */
function partsOf(reference: string): { readonly order: string; readonly profile: string | null } {
  const at = reference.indexOf(':')
  return at === -1
    ? { order: reference, profile: null }
    : { order: reference.slice(0, at), profile: reference.slice(at + 1) }
}

function dateOf(at: number): string {
  return new Date(at / 1000).toISOString()
}
