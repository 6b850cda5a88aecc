import { isIP } from 'node:net'
import {
  type IdentifierList,
  issue,
  type NpmClient,
  type NpmOptions,
  type OrderMore,
  order,
  withNpm,
} from './npm-client.ts'
import type { Place } from './place.ts'
import { PROGRAMS, type ProgramName, succeed, type Told } from './programs.ts'
import type { Case } from './row.ts'
import type { Label } from './world.ts'

type Run = Case['run']

/** Registers and runs a program over acme-client from npm. */
export function npm(
  program: (client: NpmClient, place: Place, key: Buffer) => Promise<unknown>,
  options: NpmOptions = {},
): Run {
  return (place) =>
    withNpm(place, options, async (client, key) => {
      await client.createAccount({ termsOfServiceAgreed: true })
      await program(client, place, key)
    })
}

/** A newOrder for a new name under each parent. */
export function npmOrder(
  parents: string | readonly string[],
  more: OrderMore = {},
  options: NpmOptions = {},
): Run {
  return npm((client, place) => order(client, newNames(place, parents), more), options)
}

/** Also a wildcard under `*.parent`, and an address as it is. */
export function newNames(place: Place, parents: string | readonly string[]): IdentifierList {
  return [parents].flat().map((parent) => {
    if (isIP(parent) !== 0) return { type: 'ip', value: parent }
    const wildcard = parent.startsWith('*.')
    return { type: 'dns', value: `${wildcard ? '*.' : ''}${place.name(parent.replace(/^\*\./, ''))}` }
  })
}

/** A whole issuance for a new name under each parent, with a CSR of its own making. */
export function npmIssue(
  parents: string | readonly string[],
  csr?: (identifiers: IdentifierList, key: Buffer) => Promise<Buffer>,
  more: OrderMore = {},
): Run {
  return npm(async (client, place, key) => {
    const identifiers = newNames(place, parents)
    await issue(client, identifiers, { ...(csr && { csr: await csr(identifiers, key) }), more })
  })
}

/** A program gets a certificate for a new name under each parent. */
export function program(
  name: ProgramName,
  parents: string | readonly string[],
  told: Told | ((names: readonly string[], place: Place) => Promise<Told>) = {},
  label?: Label,
): Run {
  return async (place) => {
    const names = newNames(place, parents).map(({ value }) => value)
    const around = await place.surroundings(label)
    const more = typeof told === 'function' ? await told(names, place) : told
    await succeed(PROGRAMS[name].get(around, names, more))
  }
}
