/** CAA records as a CA reads them: RFC 8659 §4, with the parameters of RFC 8657. Pure. */

export interface CaaRecord {
  readonly flags: number
  /** As written; tags are compared in lower case. */
  readonly tag: string
  readonly value: string
}

/** An issue or issuewild property. */
interface Permission {
  /** In lower case; empty where nobody may. */
  readonly issuer: string
  readonly parameters: readonly (readonly [tag: string, value: string])[]
}

export interface Asked {
  /** Issuer domain names of the CA; null where it is not said. */
  readonly domains: readonly string[] | null
  readonly account: string | null
  readonly challenge: string | null
  readonly wildcard: boolean
}

export type Verdict =
  /** Nothing in the set speaks of this kind of issuance. */
  | { readonly verdict: 'unrestricted' }
  | { readonly verdict: 'allowed' }
  /** It depends on what was not said: the CA or the account. */
  | { readonly verdict: 'depends'; readonly on: 'ca' | 'account'; readonly values: readonly string[] }
  | {
      readonly verdict: 'refused'
      readonly why: 'critical' | 'nobody' | 'issuer' | 'account' | 'method' | 'malformed'
      readonly values: readonly string[]
    }

/** Tags every CA of the Web PKI processes; others may be ignored unless they are critical (RFC 8659 §4.1). */
const KNOWN = new Set(['issue', 'issuewild', 'iodef', 'issuemail'])

/** The critical bit is 128; so many wrote 1 for it that CAs take that too. */
const CRITICAL = 128 | 1

export function judgeCaa(records: readonly CaaRecord[], asked: Asked): Verdict {
  const unknown = records.filter(
    ({ tag, flags }) => !KNOWN.has(tag.toLowerCase()) && (flags & CRITICAL) !== 0,
  )
  if (unknown.length > 0)
    return { verdict: 'refused', why: 'critical', values: unknown.map(({ tag }) => tag) }
  const governing = governingRecords(records, asked.wildcard)
  if (governing.length === 0) return { verdict: 'unrestricted' }
  const read = governing.map(({ value }) => ({ value, permission: parsePermission(value) }))
  const permissions = read.flatMap(({ permission }) => permission ?? [])
  const named = permissions.filter(({ issuer }) => issuer !== '')
  if (named.length === 0) {
    const malformed = read.filter(({ permission }) => permission === null)
    return {
      verdict: 'refused',
      why: malformed.length > 0 ? 'malformed' : 'nobody',
      values: malformed.map(({ value }) => value),
    }
  }
  if (asked.domains === null) {
    return { verdict: 'depends', on: 'ca', values: [...new Set(named.map(({ issuer }) => issuer))] }
  }
  const domains = new Set(asked.domains.map((domain) => domain.toLowerCase()))
  const ours = named.filter(({ issuer }) => domains.has(issuer))
  if (ours.length === 0) {
    return { verdict: 'refused', why: 'issuer', values: [...new Set(named.map(({ issuer }) => issuer))] }
  }
  return best(ours.map((permission) => judgeParameters(permission, asked)))
}

/** RFC 8659 §4.3: for a wildcard, issuewild properties push issue properties aside; for others they do not count. */
function governingRecords(records: readonly CaaRecord[], wildcard: boolean): readonly CaaRecord[] {
  const tagged = (wanted: string) => records.filter(({ tag }) => tag.toLowerCase() === wanted)
  const wild = wildcard ? tagged('issuewild') : []
  return wild.length > 0 ? wild : tagged('issue')
}

const ISSUER = /^(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*)?$/i
const PARAMETER = /^[a-z0-9-]+$/i
const VALUE = /^[\x21-\x3a\x3c-\x7e]*$/

/** RFC 8659 §4.2; null where the value does not fit the grammar, which allows nobody. */
function parsePermission(value: string): Permission | null {
  const [issuer = '', ...rest] = value.split(';').map((part) => part.replace(/^[ \t]+|[ \t]+$/g, ''))
  if (!ISSUER.test(issuer)) return null
  const parameters: (readonly [string, string])[] = []
  for (const [index, part] of rest.entries()) {
    if (part === '' && index === rest.length - 1) continue
    const equals = part.indexOf('=')
    const tag = part.slice(0, equals).trimEnd()
    const content = part.slice(equals + 1).trimStart()
    if (equals < 0 || !PARAMETER.test(tag) || !VALUE.test(content)) return null
    parameters.push([tag.toLowerCase(), content])
  }
  return { issuer: issuer.toLowerCase(), parameters }
}

/** RFC 8657 §3, §4. A parameter that stands there twice matches nothing. */
function judgeParameters({ parameters }: Permission, asked: Asked): Verdict {
  const of = (tag: string) => parameters.filter(([one]) => one === tag).map(([, value]) => value)
  const methods = of('validationmethods')
  if (methods.length > 0 && asked.challenge !== null) {
    const allowed = methods[0]!.split(',').map((method) => method.toLowerCase())
    if (methods.length > 1 || !allowed.includes(asked.challenge))
      return { verdict: 'refused', why: 'method', values: methods }
  }
  const accounts = of('accounturi')
  if (accounts.length > 1) return { verdict: 'refused', why: 'account', values: accounts }
  if (accounts.length === 1 && asked.account === null)
    return { verdict: 'depends', on: 'account', values: accounts }
  if (accounts.length === 1 && accounts[0] !== asked.account)
    return { verdict: 'refused', why: 'account', values: accounts }
  return { verdict: 'allowed' }
}

/** One record that allows is enough. */
function best(verdicts: readonly Verdict[]): Verdict {
  const allowed = verdicts.find(({ verdict }) => verdict === 'allowed')
  const open = verdicts.filter((one) => one.verdict === 'depends')
  if (allowed !== undefined) return allowed
  if (open.length > 0)
    return { verdict: 'depends', on: 'account', values: open.flatMap(({ values }) => values) }
  const refused = verdicts.filter((one) => one.verdict === 'refused')
  return {
    verdict: 'refused',
    why: refused[0]?.why ?? 'issuer',
    values: refused.filter(({ why }) => why === refused[0]?.why).flatMap(({ values }) => values),
  }
}
