import { setTimeout as sleep } from 'node:timers/promises'
import { readDirectory } from '../acme/response-objects.ts'
import type { Clock } from '../exchange/clock.ts'
import type { Completed, Destination, ObservedResponse, Received } from '../exchange/exchange.ts'
import { messageOf } from '../exchange/message-of.ts'
import { ownRequest } from '../exchange/own-request.ts'
import { parseJson } from '../exchange/parse-json.ts'

/** One directory as seen under one authority: the CA's own, or a relay's host. */
export interface DirectoryView {
  readonly destination: Destination
  /** Origin-form target of the directory. */
  readonly target: string
  readonly relay: boolean
  /** What to do where relay cannot work with this CA. */
  readonly advice: string
}

/**
 * ok: read, and where it is relayed its URLs name the authority we asked under. refused: they lead elsewhere.
 * unreachable: no usable answer. unknown: not asked yet.
 */
export interface DirectoryState {
  readonly view: DirectoryView
  readonly state: 'ok' | 'refused' | 'unreachable' | 'unknown'
  readonly detail: string | null
  /** µs since 1970; null before the first answer. */
  readonly checkedAt: number | null
}

const HOUR = 3600_000
const RETRY = 30_000
/** Milliseconds that a client's request waits for the first reading. */
const PATIENCE = 5_000

/**
 * Reads every CA's directory at start and when it expires, under each authority it is served by. That teaches
 * the resource map (so that a client with a cached directory is understood) and probes whether relay can work.
 */
export class DirectoryKeeper {
  readonly #perform: (request: Received) => Promise<Completed>
  readonly #clock: Clock
  readonly #userAgent: string
  readonly #onChange: (state: DirectoryState) => void
  readonly #timers = new Map<string, NodeJS.Timeout>()
  /** Views that are being asked for the first time. */
  readonly #first = new Map<string, { readonly view: DirectoryView; readonly done: Promise<void> }>()
  /** CAs whose directory, as read last, says whether they require external accounts. */
  readonly #binding = new Set<string>()
  #states = new Map<string, DirectoryState>()
  #stopped = false

  constructor(
    perform: (request: Received) => Promise<Completed>,
    clock: Clock,
    userAgent: string,
    onChange: (state: DirectoryState) => void,
  ) {
    this.#perform = perform
    this.#clock = clock
    this.#userAgent = userAgent
    this.#onChange = onChange
  }

  /** Replace what is watched. States of views that stay are kept. Fetches begin at once, in the background. */
  watch(views: readonly DirectoryView[]): void {
    const before = this.#states
    for (const timer of this.#timers.values()) clearTimeout(timer)
    this.#timers.clear()
    this.#states = new Map()
    for (const view of views) {
      const known = before.get(keyOf(view))
      this.#states.set(
        keyOf(view),
        known ? { ...known, view } : { view, state: 'unknown', detail: null, checkedAt: null },
      )
    }
    for (const view of views) {
      const refreshed = this.#refresh(view)
      if (!before.has(keyOf(view))) this.#isFirst(view, refreshed)
    }
  }

  states(): readonly DirectoryState[] {
    return [...this.#states.values()]
  }

  /** Ask again now; resolves with the fresh states. `ca` limits it to one CA. */
  async probe(ca?: string): Promise<readonly DirectoryState[]> {
    const views = this.states().map(({ view }) => view)
    await Promise.all(
      views
        .filter((view) => ca === undefined || view.destination.ca === ca)
        .map((view) => this.#refresh(view)),
    )
    return this.states()
  }

  /** Why relay is refused under an authority, or null. A CA that could not be asked is given the benefit. */
  refusal(ca: string, authority: string): string | null {
    const views = this.states().filter(
      ({ view }) => view.relay && view.destination.ca === ca && view.destination.authority === authority,
    )
    if (views.length === 0 || views.some(({ state }) => state !== 'refused')) return null
    return views[0]?.detail ?? null
  }

  /**
   * Resolves when this CA's directory has been asked for, whatever came of it, or after {@link PATIENCE}; null where it
   * has been, or is not watched under this authority.
   */
  firstReading({ ca, authority }: Destination): Promise<void> | null {
    const first = [...this.#first.values()].find(
      ({ view }) => view.destination.ca === ca && (view.destination.authority === authority || !view.relay),
    )
    return first?.done ?? null
  }

  /** Whether a directory of this CA was read since the start, and what came was one. */
  isRead(ca: string): boolean {
    return this.states().some(({ view, state }) => view.destination.ca === ca && state === 'ok')
  }

  /**
   * Whether this CA knows of external accounts: its directory says whether it requires them (RFC 8555 §7.1.1). To any
   * other a binding is a member like any that it does not know, and what a client writes there proves nothing.
   */
  async bindsAccounts(destination: Destination): Promise<boolean> {
    await this.firstReading(destination)
    return this.#binding.has(destination.ca)
  }

  stop(): void {
    this.#stopped = true
    for (const timer of this.#timers.values()) clearTimeout(timer)
  }

  #isFirst(view: DirectoryView, refreshed: Promise<void>): void {
    const key = keyOf(view)
    const waited = new AbortController()
    const patience = sleep(PATIENCE, undefined, { ref: false, signal: waited.signal }).catch(() => {})
    const done = Promise.race([refreshed, patience]).then(() => {
      waited.abort()
      this.#first.delete(key)
    })
    this.#first.set(key, { view, done })
  }

  async #refresh(view: DirectoryView): Promise<void> {
    let next = RETRY
    try {
      const completed = await this.#perform(
        ownRequest('GET', view.destination, view.target, this.#userAgent, this.#clock),
      )
      const state = this.#judge(view, completed)
      this.#set(state)
      if (state.state !== 'unreachable' && completed.outcome.kind === 'response')
        next = lifetime(completed.outcome.response)
    } catch (error) {
      this.#set({
        view,
        state: 'unreachable',
        detail: messageOf(error),
        checkedAt: this.#now(),
      })
    }
    this.#schedule(view, next)
  }

  #judge(view: DirectoryView, { outcome }: Completed): DirectoryState {
    const checkedAt = this.#now()
    if (outcome.kind !== 'response') {
      const detail = outcome.kind === 'failed' ? outcome.failure.message : outcome.problem.detail
      return { view, state: 'unreachable', detail, checkedAt }
    }
    const { response } = outcome
    const directory = readDirectory(parseJson(response.decoded))
    if (response.status !== 200 || !directory.newNonce || !directory.newOrder) {
      return {
        view,
        state: 'unreachable',
        detail: `the answer (HTTP ${response.status}) is not an ACME directory`,
        checkedAt,
      }
    }
    const { ca } = view.destination
    if (directory.meta.externalAccountRequired === null) this.#binding.delete(ca)
    else this.#binding.add(ca)
    const expected = `https://${view.destination.authority}/`
    const stray = [directory.newNonce, directory.newAccount, directory.newOrder].find(
      (url) => url && !url.startsWith(expected),
    )
    if (!stray || !view.relay) return { view, state: 'ok', detail: null, checkedAt }
    const detail = `the CA answers ${expected} with URLs that lead elsewhere (${stray.slice(0, 200)}), so signed requests sent through acmetap would be rejected. ${view.advice}`
    return { view, state: 'refused', detail, checkedAt }
  }

  #set(state: DirectoryState): void {
    const key = keyOf(state.view)
    const before = this.#states.get(key)
    if (!before || this.#stopped) return
    this.#states.set(key, state)
    if (before.state !== state.state) this.#onChange(state)
  }

  #schedule(view: DirectoryView, delay: number): void {
    const key = keyOf(view)
    if (this.#stopped || !this.#states.has(key)) return
    clearTimeout(this.#timers.get(key))
    this.#timers.set(key, setTimeout(() => void this.#refresh(view), delay).unref())
  }

  #now(): number {
    return this.#clock.now().wall
  }
}

function keyOf({ destination, target }: DirectoryView): string {
  return `${destination.ca} ${destination.authority} ${target}`
}

/** Milliseconds a directory stays fresh (RFC 9111 §4.2.1), between five minutes and a day; an hour by default. */
function lifetime(response: ObservedResponse): number {
  const control = response.fields.find(([name]) => name === 'cache-control')?.[1] ?? ''
  const seconds = /\bmax-age=(\d{1,9})\b/.exec(control)?.[1]
  if (seconds === undefined || Number(seconds) === 0) return HOUR
  return Math.min(Math.max(Number(seconds) * 1000, HOUR / 12), 24 * HOUR)
}
