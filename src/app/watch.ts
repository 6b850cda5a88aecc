import type { AlertDesk } from '../alerts/alert-desk.ts'
import { RenewalInfoPoll } from '../alerts/renewal-info/poll.ts'
import { probe, watchDial } from '../alerts/watch/probe.ts'
import { type Roots, rootsWith } from '../alerts/watch/roots.ts'
import { Watcher } from '../alerts/watch/watcher.ts'
import type { InventoryReader } from '../audit/inventory/inventory-reader.ts'
import type { Dial, WayOut } from '../ca/dial.ts'
import type { Config } from '../config/schema.ts'
import type { Clock } from '../exchange/clock.ts'
import type { Completed, Received } from '../exchange/exchange.ts'
import type { Routing } from './routing.ts'

export interface WatchParts {
  readonly config: () => Pick<Config, 'watch'>
  readonly routing: () => Pick<Routing, 'cas'>
  readonly wayOut: () => WayOut
  /** PEM of roots that certificates of the fleet may come from, beside the usual ones and those of the CAs. */
  readonly rootsPem: () => string
  readonly inventory: InventoryReader
  readonly desk: Pick<AlertDesk, 'reader' | 'feed'>
  readonly clock: Clock
  readonly userAgent: string
  /** Sends one of acmetap's own requests through the stages. */
  readonly perform: (request: Received) => Promise<Completed>
  readonly onFault: (error: unknown) => void
}

/** What acmetap looks at by itself: places that serve certificates, and the renewal information of current ones. */
export interface Watch {
  /** To be told of every exchange. */
  note(exchange: Completed): void
  /** The list or the configuration has changed; the place that is named is looked at now. */
  refresh(endpoint?: string): void
  close(): void
}

/** Begins at once, in the background. */
export function startWatch(parts: WatchParts): Watch {
  const { inventory, desk, clock, userAgent, perform, onFault } = parts
  const roots = kept((pems: string) => rootsWith([pems]))
  const dials = kept((way: WayOut): Dial => watchDial(way))
  const rootsNow = (): Roots => {
    const trust = parts.routing().cas.map((ca) => ca.trust ?? '')
    return roots([...trust, parts.rootsPem()].join('\n'))
  }
  const watcher = new Watcher({
    probe: (place, signal) => probe(place, { dial: dials(parts.wayOut()), roots: rootsNow(), signal }),
    inventory,
    reader: desk.reader,
    feed: desk.feed,
    clock,
    settings: () => parts.config().watch,
    onFault,
  })
  const poll = new RenewalInfoPoll({
    perform,
    inventory,
    clock,
    userAgent,
    cas: () =>
      parts.config().watch.renewal_info
        ? parts.routing().cas.map(({ name, origin }) => ({ name, authority: new URL(origin).host }))
        : [],
  })
  watcher.start()
  poll.start()
  return {
    note: (exchange) => poll.note(exchange),
    refresh: (endpoint) => watcher.refresh(endpoint),
    close() {
      watcher.close()
      poll.close()
    },
  }
}

/** Makes it again only for another argument than the last. */
function kept<Argument, Result>(make: (argument: Argument) => Result): (argument: Argument) => Result {
  let last: { readonly argument: Argument; readonly result: Result } | null = null
  return (argument) => {
    if (last === null || last.argument !== argument) last = { argument, result: make(argument) }
    return last.result
  }
}
