import { MOST_SUBPROBLEMS, type SubproblemDocument } from '../acme/problem.ts'
import { problemShortName } from '../acme/problem-types.ts'
import type { AcmeSession } from '../engine/acme-session.ts'
import { type BrokeredOrders, FateUnknown } from '../engine/brokered-orders.ts'
import { type CanOrderParts, whyNotOrder } from '../engine/can-order.ts'
import type { EngineAccounts } from '../engine/engine-accounts.ts'
import { EngineError } from '../engine/engine-error.ts'
import { renewalInfo } from '../engine/renewal-info.ts'
import { revokeCertificate } from '../engine/revocation.ts'
import type { ExchangeId } from '../exchange/exchange-id.ts'
import {
  type IssuedCertificate,
  type Issuer,
  IssuerError,
  type IssuerFault,
  type IssuerRenewalInfo,
  type PlacedAt,
  type WantedOrder,
} from './issuer.ts'

export interface AcmeIssuerParts extends CanOrderParts {
  /** As under `cas`. */
  readonly ca: string
  /** Of all CAs. */
  readonly orders: BrokeredOrders
  readonly accounts: EngineAccounts
  readonly session: (ca: string) => AcmeSession
}

/** Certificates from a CA through the engine: its accounts, its solvers, and requests that are recorded like everybody's. */
export class AcmeIssuer implements Issuer {
  readonly ca: string
  readonly #parts: AcmeIssuerParts

  constructor(parts: AcmeIssuerParts) {
    this.ca = parts.ca
    this.#parts = parts
  }

  place(wanted: WantedOrder, signal: AbortSignal): Promise<PlacedAt> {
    return this.#told(async () => {
      const { job, expires } = await this.#parts.orders.place({ ...wanted, ca: this.ca }, signal)
      return { reference: job, expiresAt: expires }
    })
  }

  authorize(reference: string, signal: AbortSignal): Promise<void> {
    return this.#told(() => this.#parts.orders.authorize(reference, signal))
  }

  finalize(reference: string, csr: string, signal: AbortSignal): Promise<IssuedCertificate> {
    return this.#told(async () => {
      const { chains, account } = await this.#parts.orders.finalize(reference, csr, signal)
      return { chains, upstreamAccount: account }
    })
  }

  abandon(reference: string): Promise<void> {
    return this.#told(() => this.#parts.orders.abandon(reference))
  }

  placed(): Promise<readonly { readonly order: string; readonly reference: string }[]> {
    return this.#told(async () => {
      const placed = await this.#parts.orders.placed(this.ca)
      return placed.map(({ job, order }) => ({ order, reference: job }))
    })
  }

  /** Signed by the account that obtained it; where that is not known, by the one that all share. */
  revoke(
    certificate: Buffer,
    upstreamAccount: string | null,
    reason: number,
    parent: ExchangeId,
    signal: AbortSignal,
  ): Promise<'revoked' | 'alreadyRevoked'> {
    const { accounts, session } = this.#parts
    return this.#told(async () => {
      const found = (await accounts.all()).find(({ id, ca }) => id === upstreamAccount && ca === this.ca)
      const signer =
        found === undefined || found.url === null
          ? (await accounts.open(this.ca, {}, signal)).signer
          : accounts.signerOf(found)
      return revokeCertificate(session(this.ca).under(parent), signer, certificate, reason, signal)
    })
  }

  renewalInfo(ariId: string, signal: AbortSignal): Promise<IssuerRenewalInfo | null> {
    return this.#told(() => renewalInfo(this.#parts.session(this.ca), ariId, signal))
  }

  unfit(wanted: Pick<WantedOrder, 'tenant' | 'identifiers' | 'profile'>): Promise<string | null> {
    return whyNotOrder(this.#parts, { ...wanted, ca: this.ca })
  }

  async #told<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await ask()
    } catch (error) {
      throw error instanceof EngineError ? issuerError(this.ca, error) : error
    }
  }
}

function issuerError(ca: string, error: EngineError): IssuerError {
  const { message, problem, status, retryAfter, exchange, links } = error
  const told = message.includes(JSON.stringify(ca)) ? message : `the CA ${JSON.stringify(ca)}: ${message}`
  return new IssuerError(ca, faultOf(error), told, {
    type: problem?.type ?? null,
    detail: problem?.detail ?? null,
    status,
    subproblems: subproblemsOf(error),
    retryAfter,
    links,
    exchange,
  })
}

function faultOf(error: EngineError): IssuerFault {
  if (error instanceof FateUnknown) return 'uncertain'
  switch (error.fault) {
    case 'problem':
      return faultOfProblem(error)
    // acmetap's own word: a rate that is used up passes, a policy does not.
    case 'refused':
      return error.retryAfter === null ? 'unfit' : 'limited'
    case 'invalid':
      return 'refused'
    case 'mismatch':
      return 'wrong'
    case 'network':
      return 'unavailable'
    // A proxy's page in the place of an answer, and a CA that says where it may be asked again.
    case 'protocol':
      return isLimit(error) ? 'limited' : 'unavailable'
    case 'aborted':
      return 'aborted'
    case 'solver':
    case 'deploy':
    case 'input':
      return 'unfit'
  }
}

function faultOfProblem(error: EngineError): IssuerFault {
  const kind = problemShortName(error.problem?.type ?? '')
  if (isLimit(error) || kind === 'rateLimited') return 'limited'
  if ((error.status ?? 0) >= 500 || kind === 'badNonce' || kind === 'serverInternal') return 'unavailable'
  // What it wants of the account is the operator's to do.
  const isOurs = ['accountDoesNotExist', 'externalAccountRequired', 'userActionRequired'].includes(kind)
  return isOurs ? 'unfit' : 'refused'
}

function isLimit({ status, retryAfter }: EngineError): boolean {
  return status === 429 || (status === 503 && retryAfter !== null)
}

/** Those that are about an identifier: others have no place in a document of ours. */
function subproblemsOf({ problem }: EngineError): readonly SubproblemDocument[] {
  return (problem?.subproblems ?? [])
    .flatMap(({ type, detail, identifier }) =>
      identifier === null
        ? []
        : [{ type: type ?? 'about:blank', detail: detail ?? 'the CA does not say why', identifier }],
    )
    .slice(0, MOST_SUBPROBLEMS)
}
