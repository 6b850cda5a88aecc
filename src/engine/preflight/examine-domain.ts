import { isIP } from 'node:net'
import { Findings } from '../../audit/diagnosis/finding.ts'
import { DnsFailure } from '../../ca/dns/ask.ts'
import { createResolver } from '../../ca/dns/resolver.ts'
import { examineAddresses } from './addresses.ts'
import { examineChallengeRecord } from './challenge-record.ts'
import { examineDnssec } from './dnssec.ts'
import type { DomainProbe, Examination } from './examination.ts'
import { examineAlpn } from './examine-alpn.ts'
import { examineCaa } from './examine-caa.ts'
import { examineHttp } from './examine-http.ts'
import { reportDnsFailure } from './lookup.ts'

/** Looks at everything that a CA would look at for this name and challenge. Never rejects for what it finds. */
export async function examineDomain(probe: DomainProbe): Promise<Findings> {
  const findings = new Findings()
  const challenge = probe.challenge ?? (probe.wildcard ? 'dns-01' : 'http-01')
  if (probe.wildcard && challenge !== 'dns-01') {
    findings.fail(
      'wildcard-without-dns',
      `a wildcard cannot be validated with ${challenge}`,
      'Use dns-01 for *.: no CA takes another challenge for wildcards.',
    )
    return findings
  }
  const signal = AbortSignal.timeout(probe.patience.all)
  const resolver = createResolver(probe.resolvers, probe.patience.dns, signal)
  const examination: Examination = { probe, resolver, findings, signal }
  if (isIP(probe.name) !== 0) {
    await examineIpAddress(examination, challenge)
    return findings
  }
  if (probe.resolvers.length === 0) {
    findings.fail(
      'dns-failure',
      'this machine has no resolver that can be asked',
      'Name one with --resolver IP, or write it into /etc/resolv.conf.',
    )
    return findings
  }
  if (!(await answers(examination))) return findings
  const addresses = challenge === 'dns-01' ? [] : await examineAddresses(examination)
  await examineDnssec(examination)
  await examineCaa(examination, challenge)
  if (challenge === 'dns-01') await examineChallengeRecord(examination)
  else if (challenge === 'http-01') await examineHttp(examination, addresses)
  else await examineAlpn(examination, addresses)
  return findings
}

/** Whether there is a resolver to talk to; without one every further finding would be the same. */
async function answers({ probe, resolver, findings }: Examination): Promise<boolean> {
  try {
    await resolver.ask(probe.name, 'A')
    return true
  } catch (error) {
    if (!(error instanceof DnsFailure)) throw error
    reportDnsFailure(findings, error, `A of ${probe.name}`)
    return false
  }
}

/** RFC 8738: no DNS, no CAA, no dns-01. */
async function examineIpAddress(examination: Examination, challenge: string): Promise<void> {
  const { probe, findings } = examination
  const { name, issuer } = probe
  if (challenge === 'dns-01') {
    findings.fail(
      'identifier-unsupported',
      'an IP address cannot be validated with dns-01',
      'Use http-01 or tls-alpn-01.',
    )
    return
  }
  const why = probe.notPublic(name)
  if (why !== null && (issuer === null || issuer.isPublic)) {
    findings.fail(
      'name-refused',
      `${name} ${why}: no CA on the Internet issues for it`,
      'Use the public address, or a CA of your own (--ca with its issuer domain).',
    )
  }
  await (challenge === 'http-01' ? examineHttp : examineAlpn)(examination, [name])
}
