import { type IssueValue, parseIssueValue } from './issue-value.ts'
import { type PersistWanted, persistRecordValue } from './persist-record.ts'

export interface PersistLint {
  /** One of the records lets this account issue. */
  readonly ok: boolean
  /** Why not; one line each. Empty where it is ok. */
  readonly faults: readonly string[]
  /** What will be, or looks like, a mistake though it works today. */
  readonly warnings: readonly string[]
  /** Of the record that lets it issue, seconds since 1970; null where it stays for good, or none does. */
  readonly persistUntil: number | null
}

export interface PersistLintWanted extends Omit<PersistWanted, 'issuer' | 'persistUntil'> {
  /** Any of these is the CA. */
  readonly issuers: readonly string[]
  /** Seconds since 1970. */
  readonly now: number
  /** A record that ends within so many days is warned of; 30 where it is left out. */
  readonly warnDays?: number
}

const DAY = 86_400

/** Reads the TXT values of `_validation-persist.<name>` as the CA does, and says everything that is wrong with them. */
export function lintPersist(texts: readonly string[], wanted: PersistLintWanted): PersistLint {
  const issuers = wanted.issuers.map((issuer) => issuer.toLowerCase().replace(/\.$/, ''))
  const faults: string[] = []
  const warnings: string[] = []
  const good: { readonly until: number | null }[] = []
  for (const [index, text] of texts.entries()) {
    const which = texts.length === 1 ? 'the record' : `record ${index + 1}`
    const read = parseIssueValue(text)
    if (typeof read === 'string') {
      faults.push(`${which} cannot be read: ${read}${looksQuoted(text)}`)
      continue
    }
    if (!issuers.includes(read.issuer)) {
      if (texts.length === 1)
        faults.push(`${which} is for ${read.issuer}, and this CA is ${issuers.join(' or ') || 'unknown'}`)
      continue
    }
    const own = faultsOf(read, wanted).map((fault) => `${which}: ${fault}`)
    if (own.length > 0) {
      faults.push(...own)
      continue
    }
    good.push({ until: untilOf(read) })
    warnings.push(...remarksOn(read).map((remark) => `${which}: ${remark}`))
  }
  if (good.length > 1) warnings.push(`${good.length} records say the same: one is enough`)
  if (good.length === 0) {
    if (texts.length === 0) faults.push('there is no TXT record')
    else if (faults.length === 0)
      faults.push(`none of the ${texts.length} records is for ${issuers.join(' or ')}`)
    return { ok: false, faults, warnings, persistUntil: null }
  }
  // What lasts longest counts.
  const until = good.some((one) => one.until === null) ? null : Math.max(...good.map((one) => one.until!))
  const left = until === null ? Number.POSITIVE_INFINITY : until - wanted.now
  if (left < (wanted.warnDays ?? 30) * DAY)
    warnings.push(
      `it ends in ${Math.floor(left / DAY)} days (persistUntil ${dateOf(until!)}): publish ${JSON.stringify(persistRecordValue({ ...wanted, issuer: issuers[0]!, persistUntil: null }))} before`,
    )
  return { ok: true, faults: [], warnings: [...faults, ...warnings], persistUntil: until }
}

function faultsOf({ parameters }: IssueValue, { accountUrl, wildcard, now }: PersistLintWanted): string[] {
  const account = parameters.get('accounturi')
  const policy = parameters.get('policy')
  const until = parameters.get('persistuntil')
  const faults: string[] = []
  if (account === undefined) faults.push('it has no accounturi')
  else if (account !== accountUrl)
    faults.push(`accounturi is ${shown(account)}, and the account is ${shown(accountUrl)}`)
  if (wildcard && policy?.toLowerCase() !== 'wildcard')
    faults.push(
      `a wildcard needs policy=wildcard, and it has ${policy === undefined ? 'no policy' : `policy ${shown(policy)}`}`,
    )
  if (until !== undefined && !/^\d{1,15}$/.test(until))
    faults.push(`persistUntil is ${shown(until)}: it must be seconds since 1970, digits alone`)
  else if (until !== undefined && Number(until) < now)
    faults.push(`it ended on ${dateOf(Number(until))} (persistUntil)`)
  return faults
}

function untilOf({ parameters }: IssueValue): number | null {
  const until = parameters.get('persistuntil')
  return until === undefined ? null : Number(until)
}

const KNOWN = new Set(['accounturi', 'policy', 'persistuntil'])

function remarksOn({ parameters }: IssueValue): string[] {
  const policy = parameters.get('policy')
  return [
    ...[...parameters.keys()]
      .filter((tag) => !KNOWN.has(tag))
      .map((tag) => `no CA knows the parameter ${shown(tag)}`),
    ...(policy !== undefined && policy.toLowerCase() !== 'wildcard'
      ? [`policy ${shown(policy)} is none that CAs know, and counts as no policy`]
      : []),
  ]
}

/** A DNS console took the quotes of a zone file for part of the text. */
function looksQuoted(text: string): string {
  return /^\s*"|"\s*$|\\;/.test(text)
    ? '; quotes or backslashes of a zone file are part of the text: enter it without them'
    : ''
}

/** Whatever a stranger wrote, as one short line. */
function shown(text: string): string {
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text)
}

/** A day, or the number where no calendar has it. */
function dateOf(seconds: number): string {
  return seconds < 8.64e12 ? new Date(seconds * 1000).toISOString().slice(0, 10) : `${seconds}`
}
