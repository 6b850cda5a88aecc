import type { Failure } from '../inventory/failure.ts'
import type { DiagnosisClass } from './classes.ts'
import { describe } from './describe.ts'
import type { Diagnosis } from './diagnosis.ts'

/** Something that happened near a failure: another failure, or a validation that succeeded. */
export interface Neighbour {
  /** RFC 3339 in UTC. */
  readonly at: string
  readonly names: readonly string[]
  /** Id of the client. */
  readonly client: string | null
  readonly challengeType: string | null
  /** Null where the validation succeeded. */
  readonly class: DiagnosisClass | null
}

const MINUTES = 60_000
/** ms. */
export const NEAR = 10 * MINUTES
/** More than clients need that try a nonce or two again. */
const STORM = 10

/**
 * What a text alone cannot tell from its neighbours, told by what happened within ten minutes: another class, or the
 * failure's own diagnosis. Pure.
 */
export function refine(failure: Failure, neighbours: readonly Neighbour[]): Diagnosis {
  const { diagnosis, names, challengeType } = failure
  const at = Date.parse(failure.at)
  switch (diagnosis.class) {
    case 'bad-nonce': {
      const client = failure.client?.id ?? null
      const count = neighbours.filter(
        (other) => other.class === 'bad-nonce' && other.client === client && near(other, at),
      ).length
      return client !== null && count >= STORM
        ? describe('nonce-storm', { ...diagnosis.details, count: String(count) })
        : diagnosis
    }
    case 'http-not-found':
    case 'wrong-body':
    case 'other-server':
      return neighbours.some(
        (other) => validated(other, names) && other.challengeType === 'http-01' && near(other, at),
      )
        ? describe('some-backends', { ...diagnosis.details, inner: diagnosis.class })
        : diagnosis
    case 'txt-missing':
    case 'txt-wrong':
      return neighbours.some(
        (other) => validated(other, names) && isDns(other.challengeType) && soonAfter(other, at),
      )
        ? describe('txt-not-everywhere', { ...diagnosis.details, inner: diagnosis.class })
        : diagnosis
    case 'challenge-not-answered':
      return names.some((name) => name.startsWith('*.')) && !isDns(challengeType)
        ? describe('wildcard-without-dns', diagnosis.details)
        : diagnosis
    default:
      return diagnosis
  }
}

/** A failure as the neighbour of others. */
export function neighbourOf({ at, names, client, challengeType, diagnosis }: Failure): Neighbour {
  return { at, names, client: client?.id ?? null, challengeType, class: diagnosis.class }
}

function validated(other: Neighbour, names: readonly string[]): boolean {
  return other.class === null && other.names.some((name) => names.includes(name))
}

function near(other: Neighbour, at: number): boolean {
  return Math.abs(Date.parse(other.at) - at) <= NEAR
}

function soonAfter(other: Neighbour, at: number): boolean {
  const later = Date.parse(other.at) - at
  return later > 0 && later <= NEAR
}

function isDns(challengeType: string | null): boolean {
  return challengeType?.startsWith('dns-') ?? false
}
