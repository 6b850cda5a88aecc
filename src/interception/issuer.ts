/**
 * Server certificates for the hosts of intercepted CAs. Leaves are minted for these hosts alone, so there are never
 * more of them than the configuration names.
 */

import { createSecureContext, type SecureContext } from 'node:tls'
import ipaddr from 'ipaddr.js'
import { AuthorityFolder } from './authority-folder.ts'
import { ISSUING_WARNING_DAYS, type IssuingAuthority } from './issuing-authority.ts'
import { mintLeaf } from './leaf.ts'
import { namesNotCovered, type SubjectNames } from './name-constraints.ts'
import { secureContextOptions, withoutResumption } from './secure-context.ts'

export type IssuerEvent =
  /** Clients do not trust it yet. `fingerprint` here and below: SHA-256 of the root. */
  | { readonly kind: 'rootMade'; readonly fingerprint: string; readonly notAfter: Date }
  | { readonly kind: 'authorityReplaced'; readonly fingerprint: string; readonly notAfter: Date }
  /** What the folder holds can't be used; what signed before goes on. */
  | { readonly kind: 'authorityRefused'; readonly detail: string }
  /** Also after the end. `run`: the command to begin with. */
  | { readonly kind: 'rootEndsSoon'; readonly notAfter: Date; readonly run: string }
  /** Configured hosts outside the constraints: they are not served. */
  | { readonly kind: 'namesNotCovered'; readonly names: readonly string[]; readonly run: string }

/** No certificate for this host. */
export class NotIssuedError extends Error {
  readonly reason: 'notConfigured' | 'notCovered' | 'ended' | 'noAuthority'
  constructor(reason: NotIssuedError['reason'], message: string) {
    super(message)
    this.name = 'NotIssuedError'
    this.reason = reason
  }
}

interface Minted {
  readonly context: SecureContext
  readonly from: number
  readonly renewAt: number
  readonly until: number
}

const HOUR_MS = 3_600_000
const DAY_MS = 86_400_000
/** With the hour before now that lets slow clocks in, a leaf is valid for 48 hours. */
const LEAF_HOURS = 47

export class Issuer {
  readonly #folder: AuthorityFolder
  readonly #now: () => Date
  readonly #onEvent: (event: IssuerEvent) => void
  #names: SubjectNames
  #authority: IssuingAuthority | null = null
  #served: ReadonlySet<string> = new Set()
  #notCovered: readonly string[] = []
  #roots = ''
  readonly #contexts = new Map<string, Minted>()
  readonly #minting = new Map<string, Promise<Minted>>()
  #checking: Promise<void> = Promise.resolve()
  #refused = ''
  #warnedAt = Number.NEGATIVE_INFINITY

  private constructor(
    folder: AuthorityFolder,
    names: SubjectNames,
    now: () => Date,
    onEvent: (event: IssuerEvent) => void,
  ) {
    this.#folder = folder
    this.#names = names
    this.#now = now
    this.#onEvent = onEvent
  }

  /**
   * `folder` is the data folder. The first authority is made here, or later when names come that were none. One that
   * has ended is opened, and issues nothing. Throws AuthorityError for one that is exposed, unusable or half lost.
   */
  static async open(
    folder: string,
    names: SubjectNames,
    now: () => Date,
    onEvent: (event: IssuerEvent) => void,
  ): Promise<Issuer> {
    const issuer = new Issuer(new AuthorityFolder(folder), names, now, onEvent)
    await issuer.#folder.settle()
    await issuer.#load()
    issuer.#warn()
    return issuer
  }

  /** Configured hosts that the authority's constraints do not cover. */
  get namesNotCovered(): readonly string[] {
    return this.#notCovered
  }

  /** The root in use: SHA-256, the end of it or of what signs under it, and the command to begin with before that. */
  get root(): { readonly fingerprint: string; readonly notAfter: Date; readonly run: string } | null {
    const authority = this.#authority
    if (authority === null) return null
    return { fingerprint: authority.rootFingerprint, notAfter: authority.notAfter, run: this.#remedy() }
  }

  /** PEM of what clients should trust: the root, the next one where it is prepared, those before until they end. */
  rootsPem(): string {
    return this.#roots
  }

  /** The configured hosts from now on. */
  use(names: SubjectNames): void {
    this.#names = names
    this.#judgeNames()
    void this.check()
  }

  /**
   * `host`: a DNS name or an IP address without brackets. Callers at the same time share one leaf; one past half its
   * life is served while the next is minted. Rejects with NotIssuedError.
   */
  async contextFor(host: string): Promise<SecureContext> {
    const name = canonicalHost(host)
    if (this.#authority === null) await this.check()
    this.#mustServe(name)
    const time = this.#now().getTime()
    const minted = this.#contexts.get(name)
    if (minted !== undefined && time >= minted.from && time < minted.until) {
      if (time >= minted.renewAt) this.#renew(name)
      return minted.context
    }
    return (await this.#mint(name)).context
  }

  /** Takes up what the command line changed in the folder, renews leaves, warns. Never rejects. */
  check(): Promise<void> {
    this.#checking = this.#checking.then(async () => {
      try {
        await this.#load()
        this.#refused = ''
      } catch (error) {
        this.#refuse(error instanceof Error ? error.message : 'unknown')
      }
      const time = this.#now().getTime()
      for (const [name, { from, renewAt }] of this.#contexts) {
        if (time < from || time >= renewAt) this.#renew(name)
      }
      await Promise.allSettled(this.#minting.values())
      this.#warn()
    })
    return this.#checking
  }

  async #load(): Promise<void> {
    const folder = this.#folder
    const now = this.#now()
    let current = await folder.readCurrent()
    if (current === null && this.#authority !== null) throw new Error(`${folder.current} is gone`)
    if (current === null && this.#names.dns.length + this.#names.ips.length > 0) {
      const { authority, created } = await folder.createFirst(this.#names, now)
      current = authority
      if (created) this.#report('rootMade', authority)
    }
    const next = await folder.readNext()
    if (current !== null && next !== null && endsWithin(current, DAY_MS, now) && next.notAfter > now) {
      // Better the root that part of the clients took than one that no client accepts any more.
      await folder.activateNext()
      current = await folder.readCurrent()
    }
    if (current === null) return
    if (current.pem !== this.#authority?.pem) this.#switchTo(current)
    await folder.forgetEnded(now)
    const coming = await folder.readNext()
    const roots = [current, ...(coming === null ? [] : [coming]), ...(await folder.readPrevious(now))]
    this.#roots = [...new Set(roots.map(({ root }) => root))].join('')
  }

  #switchTo(authority: IssuingAuthority): void {
    const before = this.#authority
    this.#authority = authority
    // Connections that are being set up go on with what they were given.
    this.#contexts.clear()
    this.#minting.clear()
    this.#warnedAt = Number.NEGATIVE_INFINITY
    this.#judgeNames()
    if (before !== null) this.#report('authorityReplaced', authority)
  }

  #judgeNames(): void {
    const { dns, ips } = this.#names
    const known = this.#notCovered.join()
    this.#notCovered = this.#authority === null ? [] : namesNotCovered(this.#authority.permitted, this.#names)
    this.#served = new Set([...dns, ...ips].filter((name) => !this.#notCovered.includes(name)))
    for (const name of this.#contexts.keys()) if (!this.#served.has(name)) this.#contexts.delete(name)
    if (this.#notCovered.length === 0 || this.#notCovered.join() === known) return
    this.#onEvent({ kind: 'namesNotCovered', names: this.#notCovered, run: this.#remedy() })
  }

  #mustServe(name: string): void {
    const authority = this.#authority
    if (this.#notCovered.includes(name)) {
      const run = `the interception root does not cover ${name}; run: ${this.#remedy()}`
      throw new NotIssuedError('notCovered', run)
    }
    if (!this.#served.has(name)) {
      throw new NotIssuedError('notConfigured', `${name} is no host of a CA under intercept.cas`)
    }
    if (authority === null) {
      throw new NotIssuedError('noAuthority', this.#refused || 'there is no interception root')
    }
    if (authority.notAfter <= this.#now()) {
      const end = authority.notAfter.toISOString()
      throw new NotIssuedError('ended', `the interception root ended at ${end}; run: ${this.#remedy()}`)
    }
  }

  #renew(name: string): void {
    // What fails here is tried again by the next caller, and told once there is nothing left to serve.
    this.#mint(name).catch(() => undefined)
  }

  #mint(name: string): Promise<Minted> {
    const running = this.#minting.get(name)
    if (running !== undefined) return running
    const authority = this.#authority!
    const minting = mint(authority, name, this.#now()).then((minted) => {
      if (this.#authority === authority && this.#served.has(name)) this.#contexts.set(name, minted)
      return minted
    })
    this.#minting.set(name, minting)
    const done = () => {
      if (this.#minting.get(name) === minting) this.#minting.delete(name)
    }
    minting.then(done, done)
    return minting
  }

  #warn(): void {
    const authority = this.#authority
    const time = this.#now()
    if (authority === null || time.getTime() - this.#warnedAt < DAY_MS) return
    if (!endsWithin(authority, ISSUING_WARNING_DAYS * DAY_MS, time)) return
    this.#warnedAt = time.getTime()
    this.#onEvent({ kind: 'rootEndsSoon', notAfter: authority.notAfter, run: this.#remedy() })
  }

  #refuse(detail: string): void {
    if (detail === this.#refused) return
    this.#refused = detail
    this.#onEvent({ kind: 'authorityRefused', detail })
  }

  #report(kind: 'rootMade' | 'authorityReplaced', { rootFingerprint, notAfter }: IssuingAuthority): void {
    this.#onEvent({ kind, fingerprint: rootFingerprint, notAfter })
  }

  #remedy(): string {
    return this.#authority?.own === false ? 'acmetap root csr' : 'acmetap root rotate'
  }
}

async function mint(authority: IssuingAuthority, name: string, now: Date): Promise<Minted> {
  const left = (authority.notAfter.getTime() - now.getTime()) / HOUR_MS
  const isAddress = ipaddr.isValid(name)
  const names = isAddress ? { dns: [], ips: [name] } : { dns: [name], ips: [] }
  const leaf = await mintLeaf(authority.issuer, names, now, Math.min(LEAF_HOURS, left))
  const options = secureContextOptions({ chain: leaf.certificate + authority.chain, key: leaf.key })
  const [from, until] = [leaf.notBefore.getTime(), leaf.notAfter.getTime()]
  // Listener `sni` begins with the context of an address, whatever name the client will turn out to send.
  const context = createSecureContext(isAddress ? withoutResumption(options) : options)
  return { context, from, until, renewAt: from + (until - from) / 2 }
}

function canonicalHost(host: string): string {
  const isAddress = ipaddr.IPv4.isValidFourPartDecimal(host) || ipaddr.IPv6.isValid(host)
  return isAddress ? ipaddr.parse(host).toString() : host.toLowerCase()
}

function endsWithin({ notAfter }: IssuingAuthority, time: number, now: Date): boolean {
  return notAfter.getTime() - now.getTime() < time
}
