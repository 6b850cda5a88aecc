import { createHash, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto'
import type { Clock } from '../../exchange/clock.ts'
import { EngineError } from '../engine-error.ts'
import { isInNetworks } from './networks.ts'
import type { DnsRegistration, DnsRegistrationStore } from './registration-store.ts'

/** As acme-dns: a name and its wildcard are validated at the same time, and both lead to one target. */
const VALUES = 2
const MOST_REGISTRATIONS = 100_000
const NOBODY = '0'.repeat(64)

/** The names that acme-dns clients may set. All are in memory too, since every DNS question may be about one. */
export class Registrations {
  readonly #store: DnsRegistrationStore
  readonly #clock: Clock
  readonly #bySubdomain: Map<string, DnsRegistration>
  readonly #byUsername: Map<string, string>
  readonly #onChange: () => void
  /** Writes follow each other, so that no value is lost between two that are set at once. */
  #writing: Promise<unknown> = Promise.resolve()

  private constructor(
    store: DnsRegistrationStore,
    clock: Clock,
    known: readonly DnsRegistration[],
    onChange: () => void,
  ) {
    this.#store = store
    this.#clock = clock
    this.#onChange = onChange
    this.#bySubdomain = new Map(known.map((one) => [one.subdomain, one]))
    this.#byUsername = new Map(known.map(({ username, subdomain }) => [username, subdomain]))
  }

  /** `onChange`: after something else stands in the zone. */
  static async open(
    store: DnsRegistrationStore,
    clock: Clock,
    onChange: () => void = () => {},
  ): Promise<Registrations> {
    return new Registrations(store, clock, await store.registrations(), onChange)
  }

  /** Oldest first. */
  list(): readonly DnsRegistration[] {
    return [...this.#bySubdomain.values()].sort((a, b) => a.createdAt - b.createdAt)
  }

  /** Undefined where there is no such registration. */
  values(subdomain: string): readonly string[] | undefined {
    return this.#bySubdomain.get(subdomain)?.values
  }

  /** `allowFrom`: networks, already checked. The password is told here and never again. Rejects with EngineError. */
  register(
    allowFrom: readonly string[],
  ): Promise<{ readonly registration: DnsRegistration; readonly password: string }> {
    return this.#inTurn(async () => {
      if (this.#bySubdomain.size >= MOST_REGISTRATIONS) {
        throw new EngineError(
          'input',
          `there are ${MOST_REGISTRATIONS} registrations already: remove some with acmetap engine dns remove`,
        )
      }
      const password = randomBytes(30).toString('base64url')
      const registration: DnsRegistration = {
        subdomain: randomUUID(),
        username: randomUUID(),
        passwordDigest: digestOf(password),
        allowFrom,
        values: [],
        createdAt: this.#clock.now().wall,
        updatedAt: null,
      }
      await this.#store.addRegistration(registration)
      this.#bySubdomain.set(registration.subdomain, registration)
      this.#byUsername.set(registration.username, registration.subdomain)
      this.#onChange()
      return { registration, password }
    })
  }

  /** Null for a user name or password that is none, and for a network it may not be set from. */
  authenticate(username: string, password: string, address: string): DnsRegistration | null {
    const registration = this.#bySubdomain.get(this.#byUsername.get(username) ?? '') ?? null
    const expected = Buffer.from(registration?.passwordDigest ?? NOBODY, 'hex')
    const isRight = timingSafeEqual(expected, Buffer.from(digestOf(password), 'hex'))
    if (registration === null || !isRight) return null
    const { allowFrom } = registration
    return allowFrom.length === 0 || isInNetworks(address, allowFrom) ? registration : null
  }

  /** Durable and in the zone when it resolves. Rejects where the registration is gone. */
  set(subdomain: string, value: string): Promise<void> {
    return this.#inTurn(async () => {
      const registration = this.#bySubdomain.get(subdomain)
      if (registration === undefined) {
        throw new EngineError('input', `there is no registration ${subdomain}: register again`)
      }
      const others = registration.values.filter((one) => one !== value)
      const values = [value, ...others].slice(0, VALUES)
      const next: DnsRegistration = { ...registration, values, updatedAt: this.#clock.now().wall }
      await this.#store.putRegistration(next)
      this.#bySubdomain.set(subdomain, next)
      this.#onChange()
    })
  }

  /** False where there was none. */
  remove(subdomain: string): Promise<boolean> {
    return this.#inTurn(async () => {
      const registration = this.#bySubdomain.get(subdomain)
      if (registration === undefined) return false
      await this.#store.removeRegistration(subdomain)
      this.#bySubdomain.delete(subdomain)
      this.#byUsername.delete(registration.username)
      this.#onChange()
      return true
    })
  }

  #inTurn<T>(write: () => Promise<T>): Promise<T> {
    const written = this.#writing.then(write)
    this.#writing = written.catch(() => {})
    return written
  }
}

/** The password is 240 random bits, so no slower digest would make it harder to guess. */
function digestOf(password: string): string {
  return createHash('sha256').update(password).digest('hex')
}
