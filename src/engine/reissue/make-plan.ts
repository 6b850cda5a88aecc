import type { Identifier } from '../../acme/identifier.ts'
import type { InventoryReader } from '../../audit/inventory/inventory-reader.ts'
import type { ManagedCertificateConfig } from '../../config/engine.ts'
import type { Clock } from '../../exchange/clock.ts'
import { newExchangeId } from '../../exchange/exchange-id.ts'
import { EngineError } from '../engine-error.ts'
import type { EngineStore } from '../engine-store.ts'
import type { KeptCertificate } from '../job.ts'
import { chooseCertificates, compromisedKeys } from './choose-certificates.ts'
import type { Candidate } from './evaluate-where.ts'
import type { FindKeptRequest } from './kept-request.ts'
import { reissuedName } from './line-name.ts'
import { parseWhere } from './parse-where.ts'
import type { ReissueLine, ReissuePlan } from './plan.ts'
import { whyChosen } from './why-chosen.ts'

/** What would be asked of a CA for a line. */
export interface SupposedReissue {
  readonly ca: string
  readonly names: readonly Identifier[]
  readonly profile: string | null
  /** DER; null where acmetap makes the key. */
  readonly csr: Buffer | null
}

export interface PlanParts {
  readonly store: Pick<EngineStore, 'certificates' | 'plans' | 'lines' | 'putPlan' | 'putLines'>
  readonly inventory: Pick<InventoryReader, 'certificates' | 'clients'>
  readonly keptRequest: FindKeptRequest
  /** A managed certificate as the configuration has it. */
  readonly managed: (name: string) => ManagedCertificateConfig | undefined
  readonly hasCa: (ca: string) => boolean
  /** Why no solver can answer for a name, and what to configure; null where one can. */
  readonly solverFault: (name: Identifier, ca: string) => string | null
  /** Why policy would refuse it; null where it would not. */
  readonly policyFault: (supposed: SupposedReissue) => Promise<string | null>
  readonly clock: Clock
}

export interface PlanWish {
  readonly where: string
  readonly madeBy: string
  /** Seconds between two lines, and percent, as {@link ReissuePlan} has them. */
  readonly pace: number
  readonly stopAt: number
}

export interface PlanWithLines {
  readonly plan: ReissuePlan
  readonly lines: readonly ReissueLine[]
}

export const MOST_LINES = 10_000
/** Plans whose lines are looked at for what was reissued already. */
const EARLIER_PLANS = 100

/**
 * Chooses, judges and keeps a plan; nothing is asked of a CA. Every certificate that was chosen has its line, also where it
 * cannot be done. Throws WhereError; rejects with EngineError (`input`) where more than {@link MOST_LINES} are chosen.
 */
export async function makePlan(parts: PlanParts, wish: PlanWish): Promise<PlanWithLines> {
  const where = parseWhere(wish.where)
  const now = parts.clock.now().wall
  const kept = new Map((await parts.store.certificates()).map((each) => [each.fingerprint, each]))
  const judge = new Judge(parts, kept, await compromisedKeys(parts.inventory), await linesAtWork(parts.store))
  const lines: ReissueLine[] = []
  const chosen = chooseCertificates(parts.inventory, where, now, (certificate) =>
    judge.isManaged(certificate.fingerprint),
  )
  for await (const candidate of chosen) {
    if (lines.length === MOST_LINES)
      throw new EngineError(
        'input',
        `more than ${MOST_LINES} certificates are chosen: narrow the choice, and make several plans`,
      )
    lines.push({
      line: lines.length + 1,
      fingerprint: candidate.certificate.fingerprint,
      names: candidate.certificate.identifiers,
      why: whyChosen(candidate, now),
      ...(await judge.wayOf(candidate, lines.length + 1)),
      state: 'planned',
      job: null,
      replacedBy: null,
      error: null,
    })
  }
  const plan: ReissuePlan = {
    id: newExchangeId(),
    ...wish,
    madeAt: now,
    state: 'planned',
    stoppedBecause: null,
  }
  // The plan last: what has one is whole.
  await parts.store.putLines(plan.id, lines)
  await parts.store.putPlan(plan)
  return { plan, lines }
}

type Way = Pick<ReissueLine, 'way' | 'cannot' | 'ca' | 'certificate'>

/** Fingerprints that a line of an earlier plan replaces or has replaced, with what to say of it. */
async function linesAtWork(store: PlanParts['store']): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>()
  for (const { id } of (await store.plans()).slice(0, EARLIER_PLANS)) {
    for (const { fingerprint, state, line } of await store.lines(id)) {
      if (found.has(fingerprint)) continue
      if (state === 'done') found.set(fingerprint, `it was reissued already, by line ${line} of plan ${id}`)
      if (state === 'running')
        found.set(
          fingerprint,
          `line ${line} of plan ${id} is at it: go on with that by acmetap reissue apply ${id}`,
        )
    }
  }
  return found
}

class Judge {
  readonly #parts: PlanParts
  readonly #kept: ReadonlyMap<string, KeptCertificate>
  readonly #compromised: ReadonlySet<string>
  readonly #atWork: ReadonlyMap<string, string>
  /** Line of this plan by the name it would be kept under. */
  readonly #taken = new Map<string, number>()

  constructor(
    parts: PlanParts,
    kept: ReadonlyMap<string, KeptCertificate>,
    compromised: ReadonlySet<string>,
    atWork: ReadonlyMap<string, string>,
  ) {
    this.#parts = parts
    this.#kept = kept
    this.#compromised = compromised
    this.#atWork = atWork
  }

  isManaged(fingerprint: string): boolean {
    return this.#settingsOf(fingerprint) !== undefined
  }

  async wayOf(candidate: Candidate, line: number): Promise<Way> {
    const { fingerprint, ca } = candidate.certificate
    const atWork = this.#atWork.get(fingerprint)
    if (atWork !== undefined) return { way: null, cannot: atWork, ca, certificate: null }
    const settings = this.#settingsOf(fingerprint)
    const way =
      settings === undefined ? await this.#repeat(candidate) : await this.#renew(candidate, settings)
    if (way.certificate === null || way.way === null) return way
    const same = this.#taken.get(way.certificate)
    if (same !== undefined)
      return { ...way, way: null, cannot: `line ${same} obtains the same: same key, same names` }
    this.#taken.set(way.certificate, line)
    return way
  }

  #settingsOf(fingerprint: string): ManagedCertificateConfig | undefined {
    const kept = this.#kept.get(fingerprint)
    return kept === undefined ? undefined : this.#parts.managed(kept.certificate)
  }

  async #renew({ certificate }: Candidate, settings: ManagedCertificateConfig): Promise<Way> {
    const { ca, name, profile = null } = settings
    const cannot =
      settings.reuse_key && this.#compromised.has(certificate.spki)
        ? `its key was given away (a certificate of it was revoked for keyCompromise), and the configuration keeps the key: set reuse_key: false for ${name}`
        : await this.#obstacle({ ca, names: certificate.identifiers, profile, csr: null })
    return { way: cannot === null ? 'renew' : null, cannot, ca, certificate: name }
  }

  async #repeat({ certificate }: Candidate): Promise<Way> {
    const { ca, identifiers: names, spki, profile } = certificate
    const cannot = (text: string): Way => ({ way: null, cannot: text, ca, certificate: null })
    if (this.#compromised.has(spki))
      return cannot(
        'its key was given away (a certificate of it was revoked for keyCompromise): nothing may be certified for it again. Let its client make a new key.',
      )
    if (ca === null) return cannot('no CA of the configuration issued it: put its CA under cas')
    if (!this.#parts.hasCa(ca))
      return cannot(`its CA ${ca} is not in the configuration any more: put it under cas`)
    const request = await this.#parts.keptRequest(certificate)
    if ('cannot' in request) return cannot(request.cannot)
    const obstacle = await this.#obstacle({ ca, names, profile, csr: request.csr })
    if (obstacle !== null) return cannot(obstacle)
    return { way: 'repeat', cannot: null, ca, certificate: reissuedName(names, spki) }
  }

  async #obstacle(supposed: SupposedReissue): Promise<string | null> {
    for (const name of supposed.names) {
      const fault = this.#parts.solverFault(name, supposed.ca)
      if (fault !== null) return fault
    }
    return await this.#parts.policyFault(supposed)
  }
}
