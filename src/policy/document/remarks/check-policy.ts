import { setImmediate as nextTurn } from 'node:timers/promises'
import { POLICY_MODES } from '../../../exchange/decision.ts'
import { askedWhere } from '../../asked-where.ts'
import type { PolicyBundle } from '../../bundle.ts'
import type { ConditionDocument, PolicyDocument, RuleDocument } from '../../document.ts'
import type { Pattern } from '../../names/pattern.ts'
import { messageFor } from '../../usual-words.ts'
import { checkWritten } from '../check-written.ts'
import { mapping, policyText } from '../policy-text.ts'
import { type Atoms, atomsOf, operationsIn, patternsOf } from './atoms.ts'
import { Budget } from './budget.ts'
import { takesAll, takesWhatIsNotTold } from './implied.ts'
import { whyNever, whyNothingTold } from './never.ts'
import { overlapOf } from './overlap.ts'
import { ofRule, type Remark } from './remark.ts'
import { needsTwoRequests } from './two-requests.ts'

export interface CheckOptions {
  /** Milliseconds since 1970. */
  readonly now: number
  /** Names of the CAs that are configured; absent where nobody knows. */
  readonly cas?: readonly string[]
}

const SOON = 14 * 86_400_000
/** Patterns that are read before other work gets its turn. */
const AT_ONCE = 2_000

/**
 * What is odd about a policy that can be used all the same, by line. Nothing it says of rules that never match is a
 * guess: what it cannot show, it does not say. `bundle` is what the document was read from.
 */
export async function checkPolicy(
  document: PolicyDocument,
  bundle: PolicyBundle,
  { now, cas }: CheckOptions,
): Promise<readonly Remark[]> {
  const budget = new Budget()
  const { uses } = checkWritten(mapping(policyText(bundle).document.value))
  const patterns = new Map<string, readonly Pattern[]>()
  for (const [name, entries] of Object.entries(document.lists)) {
    if (!uses.some(({ list, key }) => list === name && key === 'names')) continue
    const read: Pattern[] = []
    for (let at = 0; at < entries.length; at += AT_ONCE) {
      read.push(...patternsOf(entries.slice(at, at + AT_ONCE)))
      await nextTurn()
    }
    patterns.set(name, read)
  }
  const rules: Atoms[] = []
  for (const rule of document.rules) {
    rules.push(atomsOf(rule, patterns))
    await budget.turn()
  }
  const remarks = [
    ...ofTheWhole(document, bundle, rules),
    ...ofSilence(document),
    ...document.rules.flatMap((rule) => ofOneRule(rule, document, now, cas)),
    ...(await ofOrder(rules, document, now, budget)),
  ]
  if (budget.refused) {
    const message =
      'has too many rules, or lists too long, to compare each with each; what is said of overlaps is not all there is'
    remarks.push({ kind: 'unfinished', line: 1, column: 1, rule: null, message })
  }
  return remarks.sort((a, b) => a.line - b.line || a.column - b.column)
}

function ofTheWhole(document: PolicyDocument, bundle: PolicyBundle, rules: readonly Atoms[]): Remark[] {
  const text = policyText(bundle)
  const { uses, webhooks } = checkWritten(mapping(text.document.value))
  const at = (section: 'lists' | 'webhooks' | 'default', name?: string) => {
    const { line, column } = text.locate(name === undefined ? [section] : [section, name], 'key')
    return { line, column, rule: null }
  }
  const found: Remark[] = []
  for (const [name, entries] of Object.entries(document.lists)) {
    if (!uses.some(({ list }) => list === name)) {
      found.push({ kind: 'unused', ...at('lists', name), message: `no rule uses the list ${name}` })
    } else if (entries.length === 0) {
      const message = `the list ${name} is empty: a condition on it matches nothing`
      found.push({ kind: 'empty-list', ...at('lists', name), message })
    }
  }
  for (const name of Object.keys(document.webhooks)) {
    if (webhooks.has(name)) continue
    found.push({ kind: 'unused', ...at('webhooks', name), message: `no rule asks the webhook ${name}` })
  }
  if (document.default === 'deny' && !rules.some(mayAllowAccounts)) {
    const message =
      'default is deny and no rule allows newAccount, so clients without an account cannot register; add - { name: accounts, when: { operation: accounts }, effect: allow }'
    found.push({ kind: 'no-accounts', ...at('default'), message })
  }
  return found
}

/** Of those that leave a client without a word of help, told once: what is wanted is often one message for all. */
function ofSilence(policy: PolicyDocument): Remark[] {
  const [first, ...others] = policy.rules.filter(
    (rule) =>
      rule.effect === 'deny' &&
      messageFor(rule, policy) === null &&
      (rule.owner ?? rule.link ?? policy.link) === null,
  )
  if (first === undefined) return []
  const more = others.length === 0 ? '' : ` (and ${others.length} more)`
  const message = `denies and tells the client neither why nor whom to ask${more}: write message, owner or link there, or once for the whole policy message or link`
  return [ofRule('untold', first, message)]
}

function mayAllowAccounts(atoms: Atoms): boolean {
  const { effect, mode } = atoms.rule
  if (effect !== 'allow' || atoms.names.length > 0 || (mode ?? 'enforce') !== 'enforce') return false
  const operations = operationsIn(atoms)
  return (
    (operations === null || operations.includes('newAccount')) &&
    atoms.others.every(({ family }) => family === null || askedWhere(family, 'newAccount') !== 'no')
  )
}

function ofOneRule(
  rule: RuleDocument,
  policy: PolicyDocument,
  now: number,
  cas: readonly string[] | undefined,
): Remark[] {
  const found: Remark[] = []
  const { effect, expires, mode, unknown, when } = rule
  if (expires !== null && expires <= now) {
    found.push(ofRule('expired', rule, `expired at ${iso(expires)} and matches nothing: take it out`))
  } else if (expires !== null && expires <= now + SOON) {
    found.push(ofRule('expires-soon', rule, `expires at ${iso(expires)} and matches nothing from then on`))
  }
  if (effect === 'allow' && policy.default === 'deny' && policy.mode === 'enforce') {
    if (mode !== null && mode !== 'enforce') {
      const message = `allows nothing: its mode is ${mode}, and what it matches the default denies`
      found.push(ofRule('allows-nothing', rule, message))
    }
  }
  const conditions = everyCondition(when)
  if (needsTwoRequests(when, effect !== 'allow')) {
    const outcome =
      effect === 'allow'
        ? 'where either would do, neither holds anybody back'
        : `where it needs both, it ${effect === 'deny' ? 'denies' : 'says'} nothing`
    const message = `asks of orders before it, which are counted at newOrder, and of the CSR, which comes with finalize: ${outcome}; write a rule for each`
    found.push(ofRule('two-requests', rule, message))
  }
  if (effect === 'deny' && conditions.some(({ key, csr }) => key !== undefined || csr !== undefined)) {
    if (conditions.every(({ operation }) => operation === undefined)) {
      const message =
        'asks of the CSR, so it denies at finalize only, when the CA has validated the names already; write operation: finalize beside it to say so'
      found.push(ofRule('at-finalize', rule, message))
    }
  }
  if (effect === 'deny' && unknown === 'skip') {
    const message =
      'denies nothing while a condition cannot be decided (a webhook is down, say): unknown is skip'
    found.push(ofRule('unknown-passes', rule, message))
  } else if (effect === 'allow' && unknown === 'match') {
    const message = 'allows whatever cannot be decided (while a webhook is down, say): unknown is match'
    found.push(ofRule('unknown-passes', rule, message))
  }
  for (const ca of cas === undefined ? [] : new Set(conditions.flatMap((condition) => condition.ca ?? []))) {
    if (cas?.includes(ca)) continue
    found.push(ofRule('unknown-ca', rule, `names the CA ${ca}, which is not configured`))
  }
  return found
}

/** What comes of the order of the rules. */
async function ofOrder(
  all: readonly Atoms[],
  policy: PolicyDocument,
  now: number,
  budget: Budget,
): Promise<Remark[]> {
  const found: Remark[] = []
  const rules = all.filter(({ rule }) => rule.expires === null || rule.expires > now)
  for (const [at, later] of rules.entries()) {
    const { rule } = later
    const never = whyNever(later, now)
    const nothing = never ?? whyNothingTold(later, budget)
    if (nothing !== null) {
      const isNever = never !== null || !takesWhatIsNotTold(later)
      const says = isNever ? 'can never match' : 'matches nothing that can be told'
      found.push(ofRule(isNever ? 'never' : 'nothing-told', rule, `${says}: ${nothing}`))
      continue
    }
    if (isCatchAll(later) && isLasting(rule)) {
      const after = rules.slice(at + 1).filter((one) => isBehind(rule, one.rule, policy))
      if (after.length > 0) {
        const which =
          after.length === 1 ? `the rule ${after[0]!.rule.name}` : `${after.length} rules after it`
        found.push(
          ofRule('catch-all', rule, `decides everything, so ${which} can never match: move it to the end`),
        )
        return found
      }
    }
    for (const earlier of rules.slice(0, at)) {
      if (!budget.pair()) break
      await budget.turn()
      if (!isLasting(earlier.rule, rule) || !isBehind(earlier.rule, rule, policy)) continue
      if (takesAll(earlier, later, budget)) {
        const message = `can never match: ${earlier.rule.name} in line ${earlier.rule.line} takes all it is for; move it before that rule, or take it out`
        found.push(ofRule('never', rule, message))
        break
      }
      if (earlier.rule.effect !== 'allow' || rule.effect !== 'deny') continue
      const name = overlapOf(earlier, later, budget)
      if (name === null) continue
      const message = `does not deny what ${earlier.rule.name} in line ${earlier.rule.line} allows before it, ${name} for one; move it before that rule if it should`
      found.push(ofRule('overlap', rule, message))
      break
    }
  }
  return found
}

function isCatchAll({ names, others, rule }: Atoms): boolean {
  return names.length === 0 && others.length === 0 && rule.effect !== 'warn'
}

/** Whether it holds as long as the other does. */
function isLasting({ expires }: RuleDocument, other?: RuleDocument): boolean {
  return expires === null || (other !== undefined && other.expires !== null && other.expires <= expires)
}

/** Whether what the earlier rule takes is gone for the later one, in force and as if all were enforced. */
function isBehind(earlier: RuleDocument, later: RuleDocument, policy: PolicyDocument): boolean {
  const levelOf = ({ mode }: RuleDocument) => POLICY_MODES.indexOf(mode ?? policy.mode)
  // A rule of effect warn is heard, whatever decides.
  if (earlier.effect === 'warn' || later.effect === 'warn') return false
  return levelOf(earlier) >= levelOf(later)
}

function everyCondition(condition: ConditionDocument): ConditionDocument[] {
  const { all = [], any = [], not } = condition
  return [condition, ...[...all, ...any, ...(not ? [not] : [])].flatMap(everyCondition)]
}

function iso(at: number): string {
  return new Date(at).toISOString()
}
