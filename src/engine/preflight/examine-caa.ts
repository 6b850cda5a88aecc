import type { DiagnosisClass } from '../../audit/diagnosis/classes.ts'
import { climb } from '../../ca/dns/authorities.ts'
import { recordsAt } from '../../ca/dns/reply.ts'
import { type CaaRecord, judgeCaa, type Verdict } from './caa.ts'
import { type Examination, list, quote } from './examination.ts'
import { lookUp } from './lookup.ts'

const CAA = 'caa' satisfies DiagnosisClass

/** `challenge`: a validation method of RFC 8657. RFC 8659 §3: the records of the name, or of the nearest parent that has any, decide. */
export async function examineCaa(examination: Examination, challenge: string): Promise<void> {
  const { probe, findings } = examination
  const { name, wildcard, issuer, account } = probe
  const set = await relevantSet(examination)
  if (set === null) return
  const { owner, records } = set
  if (records.length === 0) {
    findings.ok(CAA, `no CAA records at ${name} or above it: every CA may issue`)
    return
  }
  const where = owner === name ? `at ${name}` : `at ${owner}, which holds for ${name}`
  const judged = judgeCaa(records, {
    domains: issuer?.domains ?? null,
    account,
    challenge,
    wildcard,
  })
  report(examination, judged, where, challenge)
  const addresses = records
    .filter(({ tag }) => tag.toLowerCase() === 'iodef')
    .map(({ value }) => quote(value))
  if (addresses.length > 0) findings.ok(CAA, `refusals may be reported to ${list(addresses)} (iodef)`)
}

async function relevantSet(
  examination: Examination,
): Promise<{ readonly owner: string; readonly records: readonly CaaRecord[] } | null> {
  for (const candidate of climb(examination.probe.name)) {
    const reply = await lookUp(examination, candidate, 'CAA')
    // RFC 8659 §3: a CA must not issue where it could not find out.
    if (reply === null) {
      examination.findings.fail(
        CAA,
        `CAA of ${candidate} cannot be looked up: a CA refuses then, even if there is no such record`,
        'The name servers must answer questions for type CAA (257) with an empty NOERROR where there is none: update them or their firewall.',
      )
      return null
    }
    const { records } = recordsAt(reply, candidate, 'CAA')
    if (records.length === 0) continue
    return {
      owner: candidate,
      records: records.map(({ data }) => ({ flags: data.flags ?? 0, tag: data.tag, value: data.value })),
    }
  }
  return { owner: examination.probe.name, records: [] }
}

function report({ probe, findings }: Examination, judged: Verdict, where: string, challenge: string): void {
  const kind = probe.wildcard ? 'wildcards' : 'the name'
  const ca = probe.issuer?.title ?? 'the CA'
  if (judged.verdict === 'unrestricted') {
    findings.ok(CAA, `CAA records ${where} do not restrict who issues for ${kind}`)
    return
  }
  if (judged.verdict === 'allowed') {
    findings.ok(CAA, `CAA records ${where} allow ${ca} to issue`)
    return
  }
  const values = list(judged.values.map((value) => quote(value)))
  if (judged.verdict === 'depends') {
    if (judged.on === 'ca') {
      findings.note(
        CAA,
        `CAA records ${where} allow only ${values}`,
        'Name the CA with --ca to have it judged.',
      )
    } else {
      findings.note(
        CAA,
        `CAA records ${where} allow ${ca} only with the account ${values} (accounturi)`,
        'Name the account URL with --account to have it judged; acmetap accounts lists them.',
      )
    }
    return
  }
  const own = probe.issuer?.domains[0] ?? "the CA's issuer domain"
  const tag = probe.wildcard ? 'issuewild' : 'issue'
  switch (judged.why) {
    case 'critical':
      findings.fail(
        CAA,
        `a CAA record ${where} is critical and of a kind that CAs do not know: ${values}`,
        'Correct the tag, or take the critical flag away (0 instead of 128).',
      )
      return
    case 'nobody':
      findings.fail(
        CAA,
        `CAA records ${where} forbid everybody to issue for ${kind}`,
        `Add: CAA 0 ${tag} "${own}"`,
      )
      return
    case 'malformed':
      findings.fail(
        CAA,
        `a CAA record ${where} does not fit the grammar, so it allows nobody: ${values}`,
        `Write it as: CAA 0 ${tag} "${own}"`,
      )
      return
    case 'issuer':
      findings.fail(
        CAA,
        `CAA records ${where} allow only ${values} to issue for ${kind}, not ${ca}`,
        `Add: CAA 0 ${tag} "${own}"`,
      )
      return
    case 'account':
      findings.fail(
        CAA,
        `CAA records ${where} allow ${ca} only with the account ${values} (accounturi)${probe.account === null ? '' : `, not ${quote(probe.account)}`}`,
        'Use that account, or write the URL of this one, character for character, once, into accounturi.',
      )
      return
    case 'method':
      findings.fail(
        CAA,
        `CAA records ${where} allow ${ca} only the validation methods ${values}, not ${challenge}`,
        `Add ${challenge} to validationmethods, or use one of these challenges.`,
      )
  }
}
