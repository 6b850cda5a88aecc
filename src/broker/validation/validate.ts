import { AcmeProblem } from '../../acme/problem.ts'
import type { DnsPlace } from '../../ca/dns/ask.ts'
import { systemResolvers } from '../../ca/dns/resolver.ts'
import type { OwnAddresses } from '../../ca/own-addresses.ts'
import type { BrokerChallengeType } from '../objects.ts'
import type { Validate, ValidationRequest } from '../validate.ts'
import { CannotTell } from './addresses.ts'
import { checkCaa } from './caa.ts'
import { validateDns01 } from './dns-01.ts'
import { validateHttp01 } from './http-01.ts'
import { mustHave, PATIENCE, type Patience, type Perspective, perspectiveOf } from './perspective.ts'
import { validateTlsAlpn01 } from './tls-alpn-01.ts'
import { prefixed } from './words.ts'

export interface ValidateParts {
  readonly own: OwnAddresses
  /** DNS servers that are asked where an endpoint names none; left out: the system's. */
  readonly resolvers?: () => readonly DnsPlace[]
  readonly patience?: Patience
}

type Look = (request: ValidationRequest, perspective: Perspective) => Promise<void>

const LOOKS: Readonly<Record<BrokerChallengeType, Look>> = {
  'http-01': validateHttp01,
  'dns-01': validateDns01,
  'tls-alpn-01': validateTlsAlpn01,
}

/**
 * Looks from every address of `settings.from`, and all of them must see it: the first is the primary perspective. One that has
 * no address of the family that the name has does not count, but one at least must be able to tell. Rejects, too, where the
 * machine has no such address.
 */
export function createValidate({
  own,
  resolvers = systemResolvers,
  patience = PATIENCE,
}: ValidateParts): Validate {
  return async (request, signal) => {
    const unfit = unfitness(request)
    if (unfit !== null) return unfit.document()
    const systems = resolvers()
    const { settings } = request
    const places = settings.from.length === 0 ? [null] : settings.from
    const look = (from: string | null, act: Look) =>
      inTime(patience.all, signal, (either) =>
        act(request, perspectiveOf(from, settings, { own, systems }, patience, either)),
      )
    const sights = await Promise.all(
      places.map(async (from) => {
        try {
          if (from !== null) await mustHave(from)
          await look(from, LOOKS[request.type])
          if (settings.caa) await look(from, checkCaa)
          return null
        } catch (error) {
          signal.throwIfAborted()
          if (error instanceof AcmeProblem || error instanceof CannotTell) return error
          throw error
        }
      }),
    )
    signal.throwIfAborted()
    return judged(sights)
  }
}

async function inTime(
  patience: number,
  signal: AbortSignal,
  act: (either: AbortSignal) => Promise<void>,
): Promise<void> {
  const ending = new AbortController()
  const end = () => ending.abort()
  const timer = setTimeout(end, patience)
  signal.addEventListener('abort', end, { once: true })
  if (signal.aborted) end()
  try {
    await act(ending.signal)
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', end)
  }
}

function judged(sights: readonly (AcmeProblem | CannotTell | null)[]) {
  const [first] = sights
  if (first instanceof AcmeProblem) return first.document()
  const secondary = sights.find((sight) => sight instanceof AcmeProblem)
  if (secondary !== undefined) return prefixed('During secondary validation: ', secondary).document()
  if (sights.includes(null)) return null
  return new AcmeProblem('connection', `Network unreachable: ${first?.message}`).document()
}

/** RFC 8555 §8.3, §8.4, RFC 8738 §7: a wildcard by dns-01 alone, an address never by it. */
function unfitness({ identifier, wildcard, type, settings }: ValidationRequest): AcmeProblem | null {
  if (identifier.type !== 'dns' && identifier.type !== 'ip')
    return new AcmeProblem('malformed', `Identifier type for ${type} challenge was not DNS or IP`)
  if (identifier.type === 'ip' && type === 'dns-01')
    return new AcmeProblem('malformed', 'Identifier type for DNS challenge was not DNS')
  if (wildcard && type !== 'dns-01')
    return new AcmeProblem('malformed', `a wildcard can be validated by dns-01 only, not by ${type}`)
  if (!settings.types.includes(type))
    return new AcmeProblem('malformed', `this server does not validate ${type} any more`)
  return null
}
