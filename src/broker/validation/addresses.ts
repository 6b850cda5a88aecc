import { isIP } from 'node:net'
import { AcmeProblem } from '../../acme/problem.ts'
import { refuseLiteral } from '../../ca/address-guard.ts'
import { judge } from '../../ca/dial.ts'
import { FailureError } from '../../ca/failure.ts'
import { isInNetworks } from '../../engine/dns/networks.ts'
import { lookUp } from './look-up.ts'
import type { Perspective } from './perspective.ts'

/** What is tried, in this order: the first IPv6 address and the first IPv4 address that may be connected to. */
type Addresses = readonly [first: string, second?: string]

/** This place has no address of the family that the name has. It can't tell. */
export class CannotTell extends Error {}

/**
 * Where a host is looked at on this port. It is resolved now, every address is judged, and the judged one must be what is
 * connected to. Rejects with AcmeProblem (`dns`; `connection` where what it leads to is not looked at), or CannotTell.
 */
export async function addressesOf(perspective: Perspective, host: string, port: number): Promise<Addresses> {
  const found = isIP(host) === 0 ? await resolve(perspective, host) : [host]
  const refusals: string[] = []
  const good = found.filter((address) => {
    const why = refusal(perspective, host, address, port)
    if (why !== null) refusals.push(why)
    return why === null
  })
  if (good.length === 0)
    throw new AcmeProblem('dns', `IP address is in a reserved address block: ${refusals[0]}`)
  const usable = good.filter(
    (address) => perspective.from === null || isIP(perspective.from) === isIP(address),
  )
  const six = usable.find((address) => isIP(address) === 6)
  const four = usable.find((address) => isIP(address) === 4)
  const [first, second] = [six, four].filter((address) => address !== undefined)
  if (first === undefined)
    throw new CannotTell(`${host} has no address that ${perspective.from} could send to`)
  return second === undefined ? [first] : [first, second]
}

async function resolve(perspective: Perspective, host: string): Promise<readonly string[]> {
  // RFC 6761 §6.3: these names are not asked of anyone.
  if (/(?:^|\.)localhost$/.test(host)) return ['::1', '127.0.0.1']
  const [four, six] = await Promise.allSettled([
    lookUp(perspective, host, 'A'),
    lookUp(perspective, host, 'AAAA'),
  ])
  const addresses = [
    ...(six.status === 'fulfilled' ? six.value : []),
    ...(four.status === 'fulfilled' ? four.value : []),
  ].map(({ data }) => data)
  if (addresses.length > 0) return addresses
  throw new AcmeProblem(
    'dns',
    `${why(four, `A records found for ${host}`)}; ${why(six, `AAAA records found for ${host}`)}`,
  )
}

function why(result: PromiseSettledResult<unknown>, wanted: string): string {
  if (result.status === 'fulfilled') return `no valid ${wanted}`
  if (result.reason instanceof AcmeProblem) return result.reason.message
  throw result.reason
}

/** Null where it may be connected to. */
function refusal({ own, settings }: Perspective, host: string, address: string, port: number): string | null {
  try {
    refuseLiteral(address)
    judge(own, address, { host, port, vouched: isInNetworks(address, settings.internal) })
    return null
  } catch (error) {
    if (error instanceof FailureError) return error.message
    throw error
  }
}
