import { setTimeout } from 'node:timers/promises'
import type { InventoryLookups } from '../audit/inventory/inventory-lookups.ts'
import type { InventoryReader } from '../audit/inventory/inventory-reader.ts'
import type { Privacy } from '../audit/privacy.ts'
import type { RecordReader } from '../audit/record-store.ts'
import type { CountedOrder } from '../policy/history.ts'
import type { AccountFacts, Lookups } from '../policy/lookups.ts'
import { factsOf, orderIn, recordedOrder } from '../policy/recorded-facts.ts'

/** More sets of names make no other answer. */
const MOST_USES = 20
/** Orders that are read at a time. */
const PAGE = 200

/** The inventory is being made again, so what is not in it may be all the same. */
class InventoryBehind extends Error {
  constructor() {
    super('the inventory is not up to date with the record')
  }
}

export interface LookupSources {
  readonly lookups: InventoryLookups
  readonly progress: InventoryReader['progress']
  readonly record: Pick<RecordReader, 'exchange'>
  /** How contacts are kept: what is hashed or dropped is not known. */
  readonly privacy: () => Pick<Privacy, 'contact'>
}

/** What policy asks, from the inventory and the record. */
export function policyLookups({ lookups, progress, record, privacy }: LookupSources): Lookups {
  /** What is not found counts only where everything was looked at. */
  const isWhole = async () => {
    const { rebuilding, fault } = await progress()
    return !rebuilding && fault === null
  }
  return {
    async account(ca, url): Promise<AccountFacts | undefined> {
      const found = await lookups.accountBinding(ca, url)
      if (found === null) return undefined
      const { contacts, externalAccount } = found
      const areKnown = privacy().contact === 'keep' && contacts.every((contact) => contact !== null)
      return { contacts: areKnown ? contacts : undefined, externalAccount }
    },

    async order(issuance) {
      const exchange = await record.exchange(issuance)
      return exchange === null ? undefined : orderIn(exchange.intent)
    },

    async keyUses(spki) {
      const sets = await lookups.namesOfKey(spki, MOST_USES)
      return sets.length > 0 || (await isWhole()) ? sets : undefined
    },

    async isAccountKey(thumbprint) {
      if (await lookups.hasAccountKey(thumbprint)) return true
      return (await isWhole()) ? false : undefined
    },

    async *ordersSince(since): AsyncIterable<CountedOrder> {
      // Before reading: what comes into the inventory behind the reader's back would be missed.
      await caughtUp(progress)
      let after: number | null = 0
      while (after !== null) {
        const page = await lookups.takenOrders({ since: Math.floor(since * 1000), after, limit: PAGE })
        for (const { intent, personal } of page.orders) {
          const facts = factsOf(intent, personal)
          if (facts !== null) yield recordedOrder(facts, intent, personal)
        }
        after = page.next
      }
      const { rebuilding, fault } = await progress()
      if (rebuilding || fault !== null) throw new InventoryBehind()
    },
  }
}

/** Waits a moment until the inventory has what is recorded by now. */
async function caughtUp(progress: LookupSources['progress']): Promise<void> {
  const { recorded } = await progress()
  for (let looks = 0; looks < MOST_LOOKS; looks++) {
    const { projected, rebuilding, fault } = await progress()
    if (rebuilding || fault !== null) break
    if (projected >= recorded) return
    await setTimeout(LOOK_EVERY)
  }
  throw new InventoryBehind()
}
const MOST_LOOKS = 100
/** Milliseconds. */
const LOOK_EVERY = 20
