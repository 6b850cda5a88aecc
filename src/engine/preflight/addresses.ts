import type { DiagnosisClass } from '../../audit/diagnosis/classes.ts'
import { DnsFailure } from '../../ca/dns/ask.ts'
import { askEach, zoneOf } from '../../ca/dns/authorities.ts'
import { recordsAt } from '../../ca/dns/reply.ts'
import { type Examination, list } from './examination.ts'
import { lookUp } from './lookup.ts'

/** A CA tries one or two; this many are looked at. */
const MOST_ADDRESSES = 16

/** The addresses of the name that are worth probing. Says in the findings what is wrong with them. */
export async function examineAddresses(examination: Examination): Promise<readonly string[]> {
  const { probe, findings } = examination
  const { name } = probe
  const four = await lookUp(examination, name, 'A')
  const six = await lookUp(examination, name, 'AAAA')
  if (four === null && six === null) return []
  if (four?.rcode === 'NXDOMAIN' || six?.rcode === 'NXDOMAIN') {
    findings.fail(
      'nxdomain' satisfies DiagnosisClass,
      `${name} does not exist in the DNS (NXDOMAIN)`,
      'Make an A or AAAA record for it, correct the name in the client, or renew the domain if it has lapsed.',
    )
    return []
  }
  const a = four && recordsAt(four, name, 'A')
  const aaaa = six && recordsAt(six, name, 'AAAA')
  const chain = a?.chain.length ? a.chain : (aaaa?.chain ?? [])
  if (a?.circular || aaaa?.circular) {
    findings.fail(
      'dns-failure' satisfies DiagnosisClass,
      `the aliases of ${name} go round in a circle: ${list([name, ...chain])}`,
      'Correct the CNAME records: one of them must lead to a name with an address.',
    )
    return []
  }
  if (chain.length > 0)
    findings.ok('cname', `${name} is an alias: ${list([name, ...chain]).replaceAll(', ', ' → ')}`)
  const addresses = [...new Set([...(aaaa?.records ?? []), ...(a?.records ?? [])].map(({ data }) => data))]
  if (addresses.length === 0) {
    if (four !== null && six !== null) {
      findings.fail(
        'no-address' satisfies DiagnosisClass,
        `${chain.at(-1) ?? name} exists, but has neither an A nor an AAAA record`,
        'Make an A or AAAA record that leads to the server of this name.',
      )
    }
    return []
  }
  if (addresses.length > MOST_ADDRESSES) {
    findings.note(
      'address',
      `${name} has ${addresses.length} addresses; ${MOST_ADDRESSES} of them are looked at`,
      'A CA tries one or two: all of them must answer the challenge.',
    )
  }
  const looked = addresses.slice(0, MOST_ADDRESSES)
  findings.ok('address', `${name} has ${list(looked, MOST_ADDRESSES)}`)
  await judge(examination, looked)
  return looked
}

/** An address that no CA on the Internet can reach: a wrong record, or another view of the zone. */
async function judge(examination: Examination, addresses: readonly string[]): Promise<void> {
  const { probe, findings } = examination
  const inside = addresses.filter((address) => probe.notPublic(address) !== null)
  if (inside.length === 0) return
  if (probe.issuer !== null && !probe.issuer.isPublic) {
    findings.ok('address', `${list(inside)}: not of the Internet, but within reach of a CA of one's own`)
    return
  }
  const why = list(inside.map((address) => `${address} ${probe.notPublic(address)}`))
  const outside = await addressesElsewhere(examination)
  if (outside.length > 0) {
    findings.fail(
      'split-horizon' satisfies DiagnosisClass,
      `${why}; but the zone's own servers give ${list(outside)}: this machine sees another view of the DNS than a CA`,
      'Run this again with --resolver and a public resolver. What follows was seen on the inside.',
    )
    return
  }
  const all = inside.length === addresses.length
  findings.fail(
    'split-horizon' satisfies DiagnosisClass,
    `${why}: no CA on the Internet can reach ${all ? 'the name' : 'this address'}`,
    all
      ? 'If the name has another address outside (split horizon), run this again with --resolver and a public resolver; else correct the record or use dns-01. For a CA of your own: --ca with its issuer domain.'
      : 'Remove this record beside the public ones: a CA may choose it.',
  )
}

/** What the servers of the zone say where it is public. */
async function addressesElsewhere({ probe, resolver, signal }: Examination): Promise<string[]> {
  try {
    const zone = await zoneOf(probe.name, resolver, probe.ports.dns)
    if (zone === null) return []
    const told = await askEach(zone, probe.name, 'A', probe.patience.dns, signal)
    const found = told.flatMap((one) =>
      'reply' in one ? recordsAt(one.reply, probe.name, 'A').records.map(({ data }) => data) : [],
    )
    return [...new Set(found)].filter((address) => probe.notPublic(address) === null)
  } catch (error) {
    if (error instanceof DnsFailure) return []
    throw error
  }
}
