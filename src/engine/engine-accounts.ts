import type { EngineAccountConfig } from '../config/engine.ts'
import type { Clock } from '../exchange/clock.ts'
import { newExchangeId } from '../exchange/exchange-id.ts'
import { abortable } from './abortable.ts'
import type { AccountKeyType, EngineAccount } from './account.ts'
import { isDeactivated } from './account-fault.ts'
import { makeAccountKey, type Signer, signerOf } from './account-key.ts'
import type { AccountObject } from './account-object.ts'
import type { AcmeSession } from './acme-session.ts'
import type { FailPoint } from './durable-step.ts'
import { EngineError } from './engine-error.ts'
import type { EngineStore } from './engine-store.ts'
import { externalAccountOf } from './external-account-binding.ts'
import { keyChange } from './key-change.ts'
import {
  checkDemands,
  deactivateAccount,
  findAccount,
  type NewAccount,
  newAccount,
  putContact,
  refuseDemands,
} from './new-account.ts'
import type { Sealed, Sealing } from './sealing.ts'

export interface AccountParts {
  readonly store: EngineStore
  readonly sealing: Sealing
  readonly session: (ca: string) => AcmeSession
  readonly settings: (ca: string) => EngineAccountConfig | undefined
  readonly clock: Clock
  readonly failPoint: FailPoint
}

/** An account that is valid as far as we know, and what signs for it. */
export interface OpenAccount {
  readonly account: EngineAccount
  readonly signer: Signer
}

export interface OpenOptions {
  /** Instead of what the configuration says. */
  readonly agreeTerms?: boolean
  readonly contact?: readonly string[]
  /** Make another one where the CA no longer has, or was told to forget, the one there was. */
  readonly anew?: boolean
}

/** ms that a new key waits for what is signed with the old one. */
const MOST_QUIET = 120_000

const anew = ({ ca, tenant }: Pick<EngineAccount, 'ca' | 'tenant'>) =>
  `acmetap engine accounts register ${ca}${tenant === null ? '' : ` --tenant ${tenant}`} makes a new one`

/** Tenants whose accounts are held at a time, and what was decrypted for them. */
const MOST_TENANTS = 1000

/**
 * acmetap's own accounts: one for a CA and tenant, made when first needed. Its key is kept before newAccount is sent, so that no
 * account is made whose key is lost. What is asked for one of them happens one after the other.
 */
export class EngineAccounts {
  readonly #parts: AccountParts
  readonly #turns = new Map<string, Promise<unknown>>()
  /** Work that signs with a CA's account. */
  readonly #users = new Map<string, Set<Promise<void>>>()
  /** Next keys that the CA was asked about, and does not know. */
  readonly #unused = new Set<Sealed>()
  /** By CA: the account in use, so that it need not be looked for and decrypted for every order. Nobody else writes any. */
  readonly #inUse = new Map<string, OpenAccount>()
  readonly #tenant: string | null
  readonly #tenants: Map<string | null, EngineAccounts>

  /** `tenant`: whose; null: acmetap's own, and those that all share. */
  constructor(
    parts: AccountParts,
    tenant: string | null = null,
    tenants = new Map<string | null, EngineAccounts>(),
  ) {
    this.#parts = parts
    this.#tenant = tenant
    this.#tenants = tenants
    for (const [oldest, idle] of tenants) {
      if (tenants.size < MOST_TENANTS) break
      if (idle.#tenant !== null && idle.#turns.size === 0 && idle.#users.size === 0) tenants.delete(oldest)
    }
    tenants.set(tenant, this)
  }

  /** The accounts of a tenant; null: those that all share. */
  of(tenant: string | null): EngineAccounts {
    return this.#tenants.get(tenant) ?? new EngineAccounts(this.#parts, tenant, this.#tenants)
  }

  /**
   * Accounts that a CA has no more, or has deactivated, without acmetap having asked for that; until there is another one in
   * their place. Whoever they are of.
   */
  async lost(): Promise<readonly EngineAccount[]> {
    const current = new Map<string, EngineAccount>()
    for (const account of await this.all()) {
      const place = JSON.stringify([account.ca, account.directory, account.tenant])
      const best = current.get(place)
      if (best === undefined || ranksBefore(account, best)) current.set(place, account)
    }
    return [...current.values()].filter(({ lostAt }) => lostAt !== null)
  }

  /** All that were ever made, of all tenants, in no order. */
  all(): Promise<readonly EngineAccount[]> {
    return this.#parts.store.accounts()
  }

  /** Finds or makes the account. Rejects with EngineError; `input` says what to write or do. */
  open(ca: string, options: OpenOptions, signal: AbortSignal): Promise<OpenAccount> {
    return this.#inTurn(ca, signal, () => this.#open(ca, options, signal))
  }

  /**
   * The account that would be used, as it is known here: nothing is asked. Null: one will be made. Rejects with EngineError
   * (`input`) where that, or what is known of the one there is, cannot be.
   */
  async known(ca: string): Promise<EngineAccount | null> {
    const account = this.#inUse.get(ca)?.account ?? (await this.#current(ca))
    if (account !== null && account.status !== 'creating') return this.#opened(account).account
    const directory = this.#parts.session(ca).knownDirectory
    if (directory !== null) refuseDemands(ca, directory, this.#wanted(ca, {}))
    return null
  }

  /** {@link open} for work that signs for a while: the key does not change before it is done. */
  async use<T>(ca: string, signal: AbortSignal, work: (opened: OpenAccount) => Promise<T>): Promise<T> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const users = this.#users.get(ca) ?? new Set()
    this.#users.set(ca, users)
    try {
      const opened = await this.#inTurn(ca, signal, async () => {
        const found = await this.#open(ca, {}, signal)
        users.add(promise)
        return found
      })
      return await work(opened)
    } finally {
      users.delete(promise)
      if (users.size === 0 && this.#users.get(ca) === users) this.#users.delete(ca)
      resolve()
    }
  }

  /** What signs for an account that is in the store, whatever became of it. Nothing is asked. */
  signerOf(account: EngineAccount): Signer {
    return signerOf(this.#unsealed(account, 'key'), account.url)
  }

  /**
   * After accountDoesNotExist: asks by the key. Resolves with the account where the CA has it, under whatever URL, else
   * rejects with EngineError (`input`) and remembers that it is gone.
   */
  recheck(ca: string, signal: AbortSignal): Promise<OpenAccount> {
    return this.#inTurn(ca, signal, async () => {
      const account = await this.#current(ca)
      if (account === null || account.status === 'creating') return this.#open(ca, {}, signal)
      this.#unused.clear()
      const settled = await this.#settled(account, signal)
      const found = shown(await this.#find(settled, signal))
      const lostAt = found.status === 'valid' ? null : (settled.lostAt ?? this.#parts.clock.now().wall)
      return this.#opened(await this.#put({ ...settled, ...found, lostAt }))
    })
  }

  /** RFC 8555 §7.3.2. */
  updateContact(ca: string, contact: readonly string[], signal: AbortSignal): Promise<EngineAccount> {
    return this.#inTurn(ca, signal, async () => {
      const { account, signer } = await this.#existing(ca, signal)
      const answered = await putContact(this.#parts.session(ca), signer, contact, signal)
      // Let's Encrypt keeps none and shows none; what was asked for is what the next comparison needs.
      return this.#put({ ...account, ...shown(answered), contact })
    })
  }

  /** RFC 8555 §7.3.5, to a key of the kind that is configured. The new key is kept before the CA is told. */
  rollOver(ca: string, signal: AbortSignal): Promise<EngineAccount> {
    return this.#inTurn(ca, signal, async () => {
      const { account, signer } = await this.#existing(ca, signal)
      await this.#quiet(ca, signal)
      const pem = await makeAccountKey(this.#keyType(ca))
      const begun = await this.#put({ ...account, nextKey: this.#sealed(account.id, 'nextKey', pem) })
      const session = this.#parts.session(ca)
      try {
        await keyChange(session, signer, signerOf(pem, null), signal)
      } catch (error) {
        // Where the CA said no, or was not asked, the old key goes on; where nobody knows, it is asked.
        if (!isUncertain(error)) await this.#put({ ...begun, nextKey: null })
        throw error
      }
      const settled = await this.#settled(begun, signal)
      if (settled.nextKey === null) return settled
      throw new EngineError(
        'protocol',
        `the CA ${JSON.stringify(ca)} says that its account has another key now, and does not know it by that: the one it had goes on`,
      )
    })
  }

  /** RFC 8555 §7.3.6. It cannot be undone. */
  deactivate(ca: string, signal: AbortSignal): Promise<EngineAccount> {
    return this.#inTurn(ca, signal, async () => {
      const { account, signer } = await this.#existing(ca, signal)
      const answered = await deactivateAccount(this.#parts.session(ca), signer, signal)
      return this.#put({ ...account, ...shown(answered), status: 'deactivated' })
    })
  }

  async #find(account: EngineAccount, signal: AbortSignal): Promise<AccountObject | null> {
    try {
      return await findAccount(this.#parts.session(account.ca), this.signerOf(account), signal)
    } catch (error) {
      if (!isDeactivated(error)) throw error
      return { url: account.url!, status: 'deactivated', contact: [], orders: account.orders }
    }
  }

  async #open(ca: string, options: OpenOptions, signal: AbortSignal): Promise<OpenAccount> {
    const inUse = this.#inUse.get(ca)
    if (inUse !== undefined && inUse.account.directory === this.#parts.session(ca).directoryUrl) return inUse
    const known = await this.#current(ca)
    if (known?.status === 'creating') return this.#register(known, options, signal)
    if (known !== null && (known.status === 'valid' || options.anew !== true))
      return this.#opened(await this.#settled(known, signal))
    // Before a key is made: what is missing is said, and nothing is left behind.
    await checkDemands(this.#parts.session(ca), this.#wanted(ca, options), signal)
    return this.#register(await this.#begin(ca, options), options, signal)
  }

  /** What the options say, else the configuration. */
  #wanted(ca: string, { agreeTerms, contact }: OpenOptions): NewAccount {
    const configured = this.#parts.settings(ca)
    return {
      contact: contact ?? configured?.contact ?? [],
      agreeTerms: agreeTerms ?? configured?.agree_terms ?? false,
      external: configured === undefined ? null : externalAccountOf(configured),
    }
  }

  /** One that is there and valid: none is made. */
  async #existing(ca: string, signal: AbortSignal): Promise<OpenAccount> {
    const known = await this.#current(ca)
    if (known === null || known.status === 'creating') {
      throw new EngineError(
        'input',
        `acmetap has no account at the CA ${JSON.stringify(ca)}; ${anew({ ca, tenant: this.#tenant })}`,
      )
    }
    return this.#opened(await this.#settled(known, signal))
  }

  /** The newest at the CA's directory as it is configured now; one in use before others, whatever the clock has said. */
  async #current(ca: string): Promise<EngineAccount | null> {
    const { directoryUrl } = this.#parts.session(ca)
    const own = (await this.#parts.store.accounts()).filter(
      ({ ca: at, directory, tenant }) => at === ca && directory === directoryUrl && tenant === this.#tenant,
    )
    return own.reduce<EngineAccount | null>(
      (best, account) => (best === null || ranksBefore(account, best) ? account : best),
      null,
    )
  }

  /** With a key, and nothing at the CA. */
  async #begin(ca: string, options: OpenOptions): Promise<EngineAccount> {
    const { clock, session, failPoint } = this.#parts
    const { contact, external } = this.#wanted(ca, options)
    const pem = await makeAccountKey(this.#keyType(ca))
    const id = newExchangeId()
    const account: EngineAccount = {
      id,
      ca,
      tenant: this.#tenant,
      directory: session(ca).directoryUrl,
      status: 'creating',
      url: null,
      key: this.#sealed(id, 'key', pem),
      thumbprint: signerOf(pem, null).thumbprint,
      nextKey: null,
      contact,
      externalKeyId: external?.keyId ?? null,
      lostAt: null,
      orders: null,
      createdAt: clock.now().wall,
    }
    await failPoint('account.key', 'before')
    await this.#put(account)
    await failPoint('account.key', 'after')
    return account
  }

  async #register(account: EngineAccount, options: OpenOptions, signal: AbortSignal): Promise<OpenAccount> {
    const { session, failPoint } = this.#parts
    const wanted = this.#wanted(account.ca, options)
    const made = await newAccount(session(account.ca), this.signerOf(account), wanted, signal)
    await failPoint('account.registered', 'before')
    const registered = await this.#put({
      ...account,
      ...shown(made),
      contact: wanted.contact,
      externalKeyId: wanted.external?.keyId ?? null,
    })
    await failPoint('account.registered', 'after')
    return this.#opened(registered)
  }

  /**
   * A roll-over that was begun is brought to its end: the CA knows whether the new key signs. Where it does not, that key
   * is kept all the same until another one is made: what was sent may be on its way still.
   */
  async #settled(account: EngineAccount, signal: AbortSignal): Promise<EngineAccount> {
    const { nextKey } = account
    if (nextKey === null || account.status !== 'valid' || this.#unused.has(nextKey)) return account
    const pem = this.#unsealed(account, 'nextKey')
    const found = await findAccount(this.#parts.session(account.ca), signerOf(pem, null), signal)
    if (found?.url === account.url) return this.#rolledOver(account, pem)
    this.#unused.add(nextKey)
    return account
  }

  #rolledOver(account: EngineAccount, pem: string): Promise<EngineAccount> {
    return this.#put({
      ...account,
      key: this.#sealed(account.id, 'key', pem),
      thumbprint: signerOf(pem, null).thumbprint,
      nextKey: null,
    })
  }

  #opened(account: EngineAccount): OpenAccount {
    if (account.status === 'valid') {
      const opened = { account, signer: this.signerOf(account) }
      if (account.nextKey === null) this.#inUse.set(account.ca, opened)
      return opened
    }
    const became = account.status === 'deactivated' ? 'was deactivated' : 'does not exist there any more'
    throw new EngineError(
      'input',
      `acmetap's account ${account.tenant === null ? '' : `for ${JSON.stringify(account.tenant)} `}at the CA ${JSON.stringify(account.ca)} ${became}; ${anew(account)}`,
    )
  }

  /** Resolves when nobody signs any more; those who take too long are not waited for. */
  async #quiet(ca: string, signal: AbortSignal): Promise<void> {
    const late = AbortSignal.timeout(MOST_QUIET)
    const users = Promise.all(this.#users.get(ca) ?? [])
    await abortable(users, AbortSignal.any([signal, late])).catch((error: unknown) => {
      if (signal.aborted) throw error
    })
  }

  #keyType(ca: string): AccountKeyType {
    return this.#parts.settings(ca)?.key_type ?? 'ec256'
  }

  #sealed(id: string, column: 'key' | 'nextKey', pem: string): Sealed {
    return this.#parts.sealing.seal(pem, { table: 'account', id, column })
  }

  #unsealed(account: EngineAccount, column: 'key' | 'nextKey'): string {
    return this.#parts.sealing.open(account[column]!, { table: 'account', id: account.id, column })
  }

  async #put(account: EngineAccount): Promise<EngineAccount> {
    this.#inUse.delete(account.ca)
    await this.#parts.store.putAccount(account)
    return account
  }

  /** Whoever comes second finds what the first one made. */
  #inTurn<T>(ca: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(ca) ?? Promise.resolve()
    const turn = abortable(before, signal).then(work)
    const over = Promise.allSettled([before, turn]).then(() => {
      if (this.#turns.get(ca) === over) this.#turns.delete(ca)
    })
    this.#turns.set(ca, over)
    return turn
  }
}

function ranksBefore(one: EngineAccount, other: EngineAccount): boolean {
  const inUse = ({ status }: EngineAccount) => status === 'valid' || status === 'creating'
  return inUse(one) === inUse(other) ? one.createdAt >= other.createdAt : inUse(one)
}

/** What the CA's answer changes; null: it has no such account. Contacts stay as they were asked for. */
function shown(found: AccountObject | null): Pick<EngineAccount, 'status'> & Partial<EngineAccount> {
  if (found === null) return { status: 'revoked' }
  return { status: found.status, url: found.url, orders: found.orders }
}

/** Whether the CA may have acted all the same. */
function isUncertain(error: unknown): boolean {
  if (!(error instanceof EngineError)) return true
  const { fault, status } = error
  return (
    fault === 'network' || fault === 'protocol' || fault === 'aborted' || (status !== null && status >= 500)
  )
}
