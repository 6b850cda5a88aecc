import { isIP } from 'node:net'
import { type Paging, paging } from '../../audit/inventory/every-page.ts'
import type { InventoryReader } from '../../audit/inventory/inventory-reader.ts'
import { isHostName } from '../../ca/resolve.ts'
import type { EndpointState } from '../endpoint.ts'
import { type Place, placeOf } from './place.ts'

/** More names than these are not looked at by themselves. */
export const MOST_LEARNED = 10_000
const PAGE = 200
const HTTPS = 443

export interface LearnedPlace {
  readonly place: Place
  readonly source: Extract<EndpointState['source'], 'imported' | 'learned'>
}

/**
 * Reads current certificates of the inventory page by page, and gives port 443 of their names: wildcards name no host.
 * `next` is given one page after the other; a whole reading takes as many calls as there are pages.
 */
export class LearnedPlaces {
  readonly #inventory: Pick<InventoryReader, 'certificates'>
  readonly #found = new Map<string, LearnedPlace>()
  #cursor: string | null = null

  constructor(inventory: Pick<InventoryReader, 'certificates'>) {
    this.#inventory = inventory
  }

  /** Reads one page. Gives all places when that was the last one, else null. Rejects where the inventory does. */
  async next(): Promise<ReadonlyMap<string, LearnedPlace> | null> {
    const page: Paging = paging(PAGE, this.#cursor)
    const { items, next } = await this.#inventory.certificates({ ...page, state: 'valid' })
    for (const { identifiers, source } of items) {
      for (const { type, value } of identifiers) {
        if (this.#found.size >= MOST_LEARNED) break
        if (!namesHost(type, value)) continue
        const place = placeOf(value, HTTPS)
        const isImported = source === 'imported' && this.#found.get(place.endpoint)?.source !== 'learned'
        this.#found.set(place.endpoint, { place, source: isImported ? 'imported' : 'learned' })
      }
    }
    this.#cursor = next
    return next === null || this.#found.size >= MOST_LEARNED ? this.#found : null
  }
}

function namesHost(type: string, value: string): boolean {
  return type === 'ip' ? isIP(value) !== 0 : type === 'dns' && isHostName(value)
}
