import type { DiagnosisClass } from '../../audit/diagnosis/classes.ts'
import type { Findings } from '../../audit/diagnosis/finding.ts'
import { DnsFailure } from '../../ca/dns/ask.ts'
import type { AskedType, DnsReply } from '../../ca/dns/reply.ts'
import { type Examination, list, quote } from './examination.ts'

/**
 * What the resolver says of a name: an answer, or that there is no such name. Whatever else comes is put into the
 * findings, and null is returned.
 */
export async function lookUp(
  { resolver, findings }: Examination,
  name: string,
  type: AskedType,
): Promise<DnsReply | null> {
  try {
    const reply = await resolver.ask(name, type)
    if (reply.rcode === 'NOERROR' || reply.rcode === 'NXDOMAIN') return reply
    if (reply.rcode === 'SERVFAIL') {
      const broken = isDnssec(reply) || (await answersUnvalidated(resolver, name, type))
      const said = extendedErrors(reply)
      if (broken) {
        findings.fail(
          'dnssec' satisfies DiagnosisClass,
          `DNSSEC of ${name} is broken: ${type} is refused by a validating resolver${said}, and given without validation`,
          'Sign the zone afresh, or correct or remove the DS record at the registrar; delv shows where the chain breaks.',
        )
      } else {
        findings.fail(
          'servfail' satisfies DiagnosisClass,
          `SERVFAIL looking up ${type} for ${name}${said}`,
          "The zone's name servers fail or cannot be reached: check that each of them answers (dig +norecurse @server), and the delegation at the registrar.",
        )
      }
      return null
    }
    findings.fail(
      'dns-failure' satisfies DiagnosisClass,
      `${resolver.servers} answers ${reply.rcode} for ${type} of ${name}${extendedErrors(reply)}`,
      'Name another resolver with --resolver; if all say so, the name servers of the zone refuse the question.',
    )
    return null
  } catch (error) {
    if (!(error instanceof DnsFailure)) throw error
    reportDnsFailure(findings, error, `${type} of ${name}`)
    return null
  }
}

/** No server gave an answer. */
export function reportDnsFailure(findings: Findings, error: DnsFailure, wanted: string): void {
  if (error.reason === 'timeout') {
    findings.fail(
      'dns-timeout' satisfies DiagnosisClass,
      `no answer in time for ${wanted}: ${error.message}`,
      "A firewall drops DNS (UDP and TCP port 53), the resolver is down, or the zone's servers are slow. Name another resolver with --resolver to tell which.",
    )
  } else if (error.reason === 'tcp') {
    findings.fail(
      'dns-failure' satisfies DiagnosisClass,
      `${wanted}: ${error.message}`,
      'Let TCP port 53 through to the name servers (RFC 7766), or remove records that are left over from old challenges.',
    )
  } else {
    findings.fail(
      'dns-failure' satisfies DiagnosisClass,
      `${wanted}: ${error.message}`,
      'Correct the resolver of this machine (/etc/resolv.conf), or name one with --resolver IP.',
    )
  }
}

/** RFC 8914 §4: the extended errors that speak of DNSSEC. */
const DNSSEC_ERRORS = new Set([1, 2, 5, 6, 7, 8, 9, 10, 11, 12])

function isDnssec({ extended }: DnsReply): boolean {
  return extended.some(({ code }) => DNSSEC_ERRORS.has(code))
}

async function answersUnvalidated(
  resolver: Examination['resolver'],
  name: string,
  type: AskedType,
): Promise<boolean> {
  const reply = await resolver.ask(name, type, true).catch((error: unknown) => {
    if (error instanceof DnsFailure) return null
    throw error
  })
  return reply !== null && (reply.rcode === 'NOERROR' || reply.rcode === 'NXDOMAIN')
}

function extendedErrors({ extended }: DnsReply): string {
  if (extended.length === 0) return ''
  return ` (${list(extended.map(({ code, text }) => `extended error ${code}${text === '' ? '' : ` ${quote(text)}`}`))})`
}
