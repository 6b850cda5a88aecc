import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bitString, element, integer, sequence } from '../../../src/acme/der-write.ts'
import type { Identifier } from '../../../src/acme/identifier.ts'
import { createIssuer } from '../../../src/broker/local-ca/create-local-ca.ts'
import { IssuerFiles } from '../../../src/broker/local-ca/issuer-files.ts'
import { LocalIssuer } from '../../../src/broker/local-ca/local-issuer.ts'
import { type LocalCa, openLocalCa } from '../../../src/broker/local-ca/open-local-ca.ts'
import type { LocalCaConfig } from '../../../src/config/broker.ts'
import { makeSigningRequest } from '../../../src/engine/certificate-signing-request.ts'
import { newExchangeId } from '../../../src/exchange/exchange-id.ts'
import { MemoryLocalCaStore } from './memory-local-ca-store.ts'

export const LOCK = { passphrase: 'a passphrase of a test' }
const DAY_MS = 86_400_000

export function localCaSettings(changes: Partial<LocalCaConfig> = {}): LocalCaConfig {
  return {
    names: ['.internal.example', 'localhost'],
    networks: ['10.0.0.0/8'],
    validity: 30 * DAY_MS,
    profiles: [],
    common_name: 'Test CA',
    key_passphrase: undefined,
    key_passphrase_file: undefined,
    crl: undefined,
    crl_validity: 7 * DAY_MS,
    ...changes,
  }
}

/** A local CA over a folder of its own and a store in memory, with a clock that stands still. */
export class LocalCaWorld {
  readonly data: string
  readonly files: IssuerFiles
  readonly store = new MemoryLocalCaStore()
  readonly faults: unknown[] = []
  /** Of the broker: names by order. */
  readonly orders = new Map<string, readonly Identifier[]>()
  settings: LocalCaConfig
  /** µs since 1970. Real, since OpenSSL has a clock of its own. */
  now = Date.now() * 1000
  readonly #opened: LocalCa[] = []

  private constructor(data: string, settings: LocalCaConfig) {
    this.data = data
    this.settings = settings
    this.files = new IssuerFiles(data, 'internal')
  }

  static async make(changes: Partial<LocalCaConfig> = {}): Promise<LocalCaWorld> {
    return new LocalCaWorld(await mkdtemp(join(tmpdir(), 'acmetap-local-ca-')), localCaSettings(changes))
  }

  readonly clock = { now: () => ({ wall: this.now, monotonic: this.now }) as never }

  create() {
    return createIssuer(this.files, this.settings, LOCK, this.now)
  }

  async open(): Promise<{ readonly ca: LocalCa; readonly issuer: LocalIssuer }> {
    const { data, store, clock } = this
    const ca = await openLocalCa({
      name: 'internal',
      data,
      settings: () => this.settings,
      lock: async () => LOCK,
      store,
      clock,
      onFault: (error) => this.faults.push(error),
    })
    this.#opened.push(ca)
    const identifiersOf = async (order: string) => this.orders.get(order) ?? null
    return { ca, issuer: new LocalIssuer({ ca, store, clock, identifiersOf }) }
  }

  async close(): Promise<void> {
    for (const ca of this.#opened) ca.close()
    await rm(this.data, { recursive: true, force: true })
  }
}

export function wanted(order: string, identifiers: readonly Identifier[], profile: string | null = null) {
  return { order, tenant: null, identifiers, profile, replaces: null, parent: newExchangeId() }
}

export const dns = (...values: readonly string[]): Identifier[] =>
  values.map((value) => ({ type: 'dns', value }))

export const ecKey = (namedCurve = 'P-256') => generateKeyPairSync('ec', { namedCurve }).privateKey

/** DER, base64url. */
export const csrOf = (key: KeyObject, identifiers: readonly Identifier[]) =>
  makeSigningRequest(key, identifiers).toString('base64url')

/** With this key; signed by nobody, which whoever takes it from a client has to look at. DER, base64url. */
export function csrWithSpki(spki: Buffer): string {
  const info = sequence(integer(0), sequence(), spki, element(0xa0))
  return sequence(info, sequence(), bitString(Buffer.alloc(1))).toString('base64url')
}
