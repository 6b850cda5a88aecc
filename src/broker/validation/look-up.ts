import { AcmeProblem } from '../../acme/problem.ts'
import { DnsFailure } from '../../ca/dns/ask.ts'
import { type AskedType, type DnsReply, type Found, recordsAt } from '../../ca/dns/reply.ts'
import type { Perspective } from './perspective.ts'
import { quoted } from './words.ts'

/**
 * Records of a name, aliases followed; none where there are none. Rejects with AcmeProblem (`dns`), NXDOMAIN included, as
 * Boulder does.
 */
export async function lookUp<T extends AskedType>(
  { resolver }: Perspective,
  name: string,
  type: T,
): Promise<Found<T>['records']> {
  let reply: DnsReply
  try {
    reply = await resolver.ask(name, type)
  } catch (error) {
    if (!(error instanceof DnsFailure)) throw error
    throw problem(`${CAUSES[error.reason]} looking up ${type} for ${name}`)
  }
  if (reply.rcode === 'NOERROR') return recordsAt(reply, name, type).records
  const broken = reply.extended.find(({ code }) => Object.hasOwn(DNSSEC, code))
  if (broken !== undefined) {
    const more = broken.text === '' ? '' : `: ${quoted(broken.text)}`
    throw problem(`looking up ${type} for ${name}: DNSSEC: ${DNSSEC[broken.code]}${more}`)
  }
  const advice = ADVICE[reply.rcode]
  throw problem(
    `${reply.rcode} looking up ${type} for ${name}${advice === undefined ? '' : ` - ${advice}`}`,
    reply.rcode,
  )
}

/** NXDOMAIN and the like; RFC 8659 §3 takes no such name for no record. */
export class DnsProblem extends AcmeProblem {
  readonly rcode: string | null
  constructor(detail: string, rcode: string | null) {
    super('dns', detail)
    this.rcode = rcode
  }
}

function problem(says: string, rcode: string | null = null): DnsProblem {
  return new DnsProblem(`DNS problem: ${says}`, rcode)
}

const CAUSES: Readonly<Record<DnsFailure['reason'], string>> = {
  timeout: 'query timed out',
  refused: 'networking error',
  unreachable: 'networking error',
  malformed: 'server failure at resolver',
  tcp: 'response was truncated',
}

const ADVICE: Readonly<Record<string, string>> = {
  NXDOMAIN: 'check that a DNS record exists for this domain',
  SERVFAIL: "the domain's nameservers may be malfunctioning",
}

/** RFC 8914 §4: the extended errors that speak of DNSSEC. */
const DNSSEC: Readonly<Record<number, string>> = {
  1: 'Unsupported DNSKEY Algorithm',
  2: 'Unsupported DS Digest Type',
  5: 'Indeterminate',
  6: 'Bogus',
  7: 'Signature Expired',
  8: 'Signature Not Yet Valid',
  9: 'DNSKEY Missing',
  10: 'RRSIGs Missing',
  11: 'No Zone Key Bit Set',
  12: 'NSEC Missing',
}
