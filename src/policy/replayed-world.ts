import { LruMap } from '../exchange/lru-map.ts'
import type { SeenOrder } from './lookups.ts'
import type { Needs } from './policy.ts'
import { type KnownAccount, orderIn } from './recorded-facts.ts'
import {
  contactsIn,
  contactsPut,
  type PersonalTexts,
  type RecordedEnd,
  type RecordedRequest,
  wasTaken,
} from './recorded-request.ts'

/** Requests whose answer is not known yet; orders whose later requests may come. */
const MOST_OPEN = 50_000
const MOST_ORDERS = 100_000
/** As live: more sets make no other answer. */
const MOST_USES = 20
const UNKNOWN_ACCOUNT: KnownAccount = { contacts: undefined, externalAccount: undefined }

/** An answer changes the world: what it will be if the CA does as it was asked. */
type Change = (end: RecordedEnd) => void

/**
 * Accounts, keys and orders as they stood at each moment of the record: told of its requests and their ends in their
 * order, it never knows what came later. Only what the policy needs is kept.
 */
export class ReplayedWorld {
  readonly #needs: Needs
  readonly #accounts = new Map<string, KnownAccount>()
  readonly #accountKeys = new Set<string>()
  /** By key: the sets of names, each joined; one text for each set, however many keys it has. */
  readonly #uses = new Map<string, string[]>()
  readonly #sets = new Map<string, string>()
  readonly #orders = new LruMap<string, SeenOrder>(MOST_ORDERS)
  readonly #open = new LruMap<string, Change>(MOST_OPEN)
  /** Whether the record is there from its beginning, so that what is not in it has not been. */
  readonly #whole: boolean

  constructor(needs: Needs, whole: boolean) {
    this.#needs = needs
    this.#whole = whole
  }

  request(request: RecordedRequest, personal: PersonalTexts): void {
    const change = this.#changeOf(request, personal)
    if (change !== null) this.#open.set(request.exchange, change)
  }

  ended(end: RecordedEnd): void {
    const change = this.#open.get(end.exchange)
    if (change === undefined) return
    this.#open.delete(end.exchange)
    if (wasTaken(end)) change(end)
  }

  account(ca: string, url: string | null): KnownAccount | undefined {
    return url === null ? undefined : this.#accounts.get(`${ca} ${url}`)
  }

  order(issuance: string | null): SeenOrder | undefined {
    return issuance === null ? undefined : this.#orders.get(issuance)
  }

  isAccountKey(thumbprint: string | null, signer: string | null): boolean | undefined {
    if (thumbprint === null || thumbprint === signer) return thumbprint !== null
    if (this.#accountKeys.has(thumbprint)) return true
    return this.#whole ? false : undefined
  }

  keyUses(spki: string): readonly (readonly string[])[] | undefined {
    const sets = this.#uses.get(short(spki))
    if (sets !== undefined) return sets.map((set) => set.split(' '))
    return this.#whole ? [] : undefined
  }

  #changeOf(request: RecordedRequest, personal: PersonalTexts): Change | null {
    const { operation } = request
    if (operation === 'newOrder') return this.#newOrder(request)
    if (operation === 'finalize') return this.#finalize(request)
    if (operation === 'newAccount') return this.#newAccount(request, personal)
    if (operation === 'account') return this.#accountUpdate(request, personal)
    return operation === 'keyChange' ? this.#keyChange(request) : null
  }

  #newOrder(request: RecordedRequest): Change | null {
    const order = orderIn(request)
    return order === undefined ? null : () => this.#orders.set(request.exchange, order)
  }

  #finalize({ asked }: RecordedRequest): Change | null {
    if (!this.#needs.keyUses || asked?.kind !== 'finalize' || asked.csr === null) return null
    const { key, names } = asked.csr
    const written = [...new Set(names.map(({ value }) => value.toLowerCase()))].sort().join(' ')
    return () => {
      const set = this.#sets.get(written) ?? written
      this.#sets.set(set, set)
      const uses = this.#uses.get(short(key.spki))
      if (uses === undefined) this.#uses.set(short(key.spki), [set])
      else if (uses.length < MOST_USES && !uses.includes(set)) uses.push(set)
    }
  }

  #newAccount(request: RecordedRequest, personal: PersonalTexts): Change | null {
    if (!this.#needs.account && !this.#needs.accountKey) return null
    const { ca, jws, asked } = request
    const contacts = contactsIn(request, personal)
    const externalAccount = asked?.kind === 'account' ? asked.externalAccount : undefined
    return ({ account, status }) => {
      if (account === null) return
      this.#knowKey(jws?.thumbprint)
      // RFC 8555 §7.3.1: an account that was there already keeps what it has, whatever was asked.
      if (this.#needs.account && status === 201)
        this.#accounts.set(`${ca} ${account}`, { contacts, externalAccount })
    }
  }

  #accountUpdate(request: RecordedRequest, personal: PersonalTexts): Change | null {
    const contacts = contactsPut(request, personal)
    if (!this.#needs.account || contacts === null) return null
    const place = `${request.ca} ${request.account}`
    return () => this.#accounts.set(place, { ...(this.#accounts.get(place) ?? UNKNOWN_ACCOUNT), contacts })
  }

  #keyChange({ asked }: RecordedRequest): Change | null {
    if (asked?.kind !== 'keyChange') return null
    return () => this.#knowKey(asked.thumbprint)
  }

  #knowKey(thumbprint: string | null | undefined): void {
    if (this.#needs.accountKey && thumbprint) this.#accountKeys.add(thumbprint)
  }
}

/** 96 bits of a digest: as good as all of it here, and a third of the memory. */
function short(digest: string): string {
  return digest.slice(0, 24)
}
