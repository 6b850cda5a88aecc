import { DnsFailure } from '../../ca/dns/ask.ts'
import { zoneOf } from '../../ca/dns/authorities.ts'
import { recordsAt } from '../../ca/dns/reply.ts'
import type { Examination } from './examination.ts'

/** Whether the name is signed, and whether it is this resolver that checks. What is broken, each lookup says itself. */
export async function examineDnssec({ probe, resolver, findings }: Examination): Promise<void> {
  try {
    const reply = await resolver.ask(probe.name, 'A')
    if (reply.rcode !== 'NOERROR' && reply.rcode !== 'NXDOMAIN') return
    if (reply.validated) {
      findings.ok('dnssec', 'signed with DNSSEC, and valid by the word of the resolver')
      return
    }
    const zone = await zoneOf(probe.name, resolver, probe.ports.dns)
    const ds = zone === null ? null : await resolver.ask(zone.name, 'DS')
    if (zone === null || ds === null || recordsAt(ds, zone.name, 'DS').records.length === 0) {
      findings.ok('dnssec', 'not signed with DNSSEC')
      return
    }
    findings.note(
      'dnssec',
      `${zone.name} is signed with DNSSEC, but ${resolver.servers} does not validate it`,
      'Run this again with --resolver and a resolver that validates: CAs do, and refuse what is broken.',
    )
  } catch (error) {
    // The lookups before have said so.
    if (!(error instanceof DnsFailure)) throw error
  }
}
