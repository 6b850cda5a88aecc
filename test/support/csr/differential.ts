import { hash } from 'node:crypto'
import { readCertificateRequest } from '../../../src/acme/certificate-request.ts'
import type { Identifier } from '../../../src/acme/identifier.ts'
import { csrFaults } from '../../../src/policy/csr-faults.ts'
import { type RawPebble, startRawPebble } from '../pebble-for-ambiguity.ts'
import type { BaseRequest } from './base-requests.ts'
import { type OpensslReading, readByOpenssl } from './openssl-reading.ts'
import { type Issued, PebbleIssuing } from './pebble-issuing.ts'

/** `fine` null: either verdict will do, as long as the oracles agree. */
export interface CsrCase {
  readonly name: string
  readonly base: BaseRequest
  readonly der: Buffer
  readonly fine: boolean | null
}

export interface CsrDifferential {
  readonly cases: number
  readonly accepted: number
  readonly refused: number
  /** Accepted by us, and Pebble issued. */
  readonly issued: number
  /** Refused by us, and Pebble issued all the same, for the order's names or others. */
  readonly refusedAndIssued: number
  /** Those of them that are for other names than the order's. */
  readonly refusedAndIssuedForOthers: number
  /** Refused by us, and openssl found nothing wrong with signature or names. */
  readonly refusedAndVerified: number
  /** Accepted by us although an oracle reads or issues something else: must stay empty. */
  readonly bypasses: readonly string[]
  /** Accepted what was to be refused, or the other way. */
  readonly mistaken: readonly string[]
}

/** Each case through our reading, openssl's, and Pebble's finalize. `lanes` clients of one Pebble. */
export async function runCsrDifferential(
  cases: readonly CsrCase[],
  progress: (done: number) => void = () => {},
  lanes = 4,
): Promise<CsrDifferential> {
  const pebble = await startRawPebble({ authorizationReuse: 100 })
  try {
    const [readings, issued] = await Promise.all([
      readByOpenssl(cases.map(({ der }) => der)),
      issueAll(cases, pebble, progress, lanes),
    ])
    return await judged(cases, readings, issued)
  } finally {
    await pebble.stop()
  }
}

async function issueAll(
  cases: readonly CsrCase[],
  pebble: RawPebble,
  progress: (done: number) => void,
  lanes: number,
): Promise<(Issued | null)[]> {
  const issued: (Issued | null)[] = []
  let next = 0
  const work = async () => {
    const issuing = await PebbleIssuing.open(pebble)
    try {
      for (let index = next++; index < cases.length; index = next++) {
        const { base, der } = cases[index]!
        issued[index] = await issuing.finalize(base.identifiers, der)
        if (index % 100 === 0) progress(index)
      }
    } finally {
      issuing.close()
    }
  }
  await Promise.all(Array.from({ length: lanes }, work))
  return issued
}

async function judged(
  cases: readonly CsrCase[],
  readings: readonly (OpensslReading | null)[],
  issuances: readonly (Issued | null)[],
): Promise<CsrDifferential> {
  const result = {
    cases: cases.length,
    accepted: 0,
    refused: 0,
    issued: 0,
    refusedAndIssued: 0,
    refusedAndIssuedForOthers: 0,
    refusedAndVerified: 0,
    bypasses: [] as string[],
    mistaken: [] as string[],
  }
  for (const [index, { name, base, der, fine }] of cases.entries()) {
    const csr = await readCertificateRequest(der)
    const faults = csrFaults(csr, base.identifiers)
    const accepted = faults.length === 0
    const reading = readings[index] ?? null
    const issued = issuances[index] ?? null
    const where = `${name} of ${base.name}`
    if (fine !== null && accepted !== fine)
      result.mistaken.push(`${where}: ${faults.join('; ') || 'accepted'}`)
    if (!accepted) {
      result.refused++
      if (issued) result.refusedAndIssued++
      if (issued && !same(issued.names, keysOf(base.identifiers))) result.refusedAndIssuedForOthers++
      if (reading?.verified && same(reading.names, keysOf(base.identifiers))) result.refusedAndVerified++
      continue
    }
    result.accepted++
    if (issued) result.issued++
    for (const why of [...againstOpenssl(base, reading), ...againstPebble(base, csr!.key.spki, issued)])
      result.bypasses.push(`${where}: ${why}: ${hash('sha256', der).slice(0, 8)}`)
  }
  return result
}

function againstOpenssl({ identifiers }: BaseRequest, reading: OpensslReading | null): string[] {
  if (reading === null) return ['openssl cannot read it']
  const why: string[] = []
  const names = keysOf(identifiers)
  if (!reading.verified) why.push('openssl finds its signature wrong')
  if (!same(reading.names, names)) why.push(`openssl reads the names ${reading.names.slice(0, 5)}`)
  const strangers = reading.commonNames.filter(
    (name) => !names.some((key) => key.endsWith(`:${name.toLowerCase()}`)),
  )
  if (strangers.length > 0) why.push(`openssl reads the common name ${strangers}`)
  return why
}

function againstPebble({ identifiers }: BaseRequest, spki: string, issued: Issued | null): string[] {
  if (issued === null) return []
  const why: string[] = []
  if (!same(issued.names, keysOf(identifiers))) why.push(`Pebble issued for ${issued.names.slice(0, 5)}`)
  if (issued.spki !== spki) why.push('Pebble issued for another key')
  return why
}

function keysOf(identifiers: readonly Identifier[]): string[] {
  return [...new Set(identifiers.map(({ type, value }) => `${type}:${value.toLowerCase()}`))].sort()
}

function same(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((each, index) => each === right[index])
}
