import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import type { DnsRegistration, DnsRegistrationStore } from '../../src/engine/dns/registration-store.ts'

export function registrationOf(over: Partial<DnsRegistration> = {}): DnsRegistration {
  return {
    subdomain: randomUUID(),
    username: randomUUID(),
    passwordDigest: 'ab'.repeat(32),
    allowFrom: ['192.0.2.0/24', '2001:db8::/32'],
    values: [],
    createdAt: 1_780_000_000_000_000,
    updatedAt: null,
    ...over,
  }
}

export interface OpenedRegistrations {
  readonly store: DnsRegistrationStore
  /** The same store as a process after a restart sees it. */
  reopen(): Promise<DnsRegistrationStore>
}

/** What every store of registrations does. */
export function dnsRegistrationsContract(open: () => Promise<OpenedRegistrations>): void {
  test('registrations come back as they were, in order, after a restart', async () => {
    const { store, reopen } = await open()
    const [one, other] = [registrationOf(), registrationOf({ allowFrom: [] })]
    await store.addRegistration(one)
    await store.addRegistration(other)
    await store.putRegistration({ ...one, values: ['b', 'a'], updatedAt: 5 })
    const expected = [{ ...one, values: ['b', 'a'], updatedAt: 5 }, other]
    expect(await store.registrations()).toEqual(expected)
    expect(await (await reopen()).registrations()).toEqual(expected)
  })

  test('neither a subdomain nor a user name is given twice', async () => {
    const { store } = await open()
    const one = registrationOf()
    await store.addRegistration(one)
    const refusal = expect.objectContaining({ name: 'EngineError', fault: 'input' })
    await expect(store.addRegistration(registrationOf({ subdomain: one.subdomain }))).rejects.toEqual(refusal)
    await expect(store.addRegistration(registrationOf({ username: one.username }))).rejects.toEqual(refusal)
    expect(await store.registrations()).toEqual([one])
  })

  test('what was removed cannot be set, and is removed once more without harm', async () => {
    const { store } = await open()
    const one = registrationOf()
    await store.addRegistration(one)
    await store.removeRegistration(one.subdomain)
    await store.removeRegistration(one.subdomain)
    expect(await store.registrations()).toEqual([])
    await expect(store.putRegistration(one)).rejects.toThrow(`there is no registration ${one.subdomain}`)
  })
}
