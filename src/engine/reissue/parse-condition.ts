import { isIP } from 'node:net'
import { nearestName } from '../../policy/document/references.ts'
import { isFault, normalise } from '../../policy/names/normalise.ts'
import { parsePattern } from '../../policy/names/pattern.ts'
import { parseTime } from './parse-time.ts'
import {
  type Comparison,
  type Condition,
  FLAGS,
  TEXT_TERMS,
  type TextTerm,
  TIME_TERMS,
  type TimeTerm,
  WhereError,
} from './where.ts'
import type { Token, Tokens } from './where-tokens.ts'

/** `is` stands for one of the words: `state=expired` is `expired`. */
const STATES = ['valid', 'expired', 'revoked', 'replaced'] as const
const OTHER_TERMS = ['key', 'state'] as const
const KNOWN = [...TEXT_TERMS, ...TIME_TERMS, ...OTHER_TERMS, ...FLAGS]
/** Kept in words of their own, so that a mistake is told as one. */
const JOINING = new Set(['and', 'or', 'not'])

/** One condition. Throws {@link WhereError}. */
export function parseCondition(tokens: Tokens): Condition {
  const word = tokens.take()
  if (word.kind !== 'word')
    throw new WhereError(word.column, `${shown(word)} stands where a condition should: ${EXAMPLE}`)
  const term = word.text.toLowerCase()
  if (JOINING.has(term))
    throw new WhereError(word.column, `${term} joins conditions, and before it there is none: ${EXAMPLE}`)
  const { kind } = tokens.peek()
  if (isOneOf(FLAGS, term)) {
    if (kind === 'operator')
      throw new WhereError(tokens.peek().column, `${term} takes no value: write ${term}, or not ${term}`)
    return { kind: 'flag', flag: term }
  }
  if (!KNOWN.some((known) => known === term))
    throw new WhereError(word.column, `${shown(word)} is no term. ${nearestName(term, KNOWN, 'terms')}`)
  if (kind !== 'operator')
    throw new WhereError(
      tokens.peek().column,
      `${term} needs an operator and a value, like ${LIKE[term as keyof typeof LIKE] ?? `${term}=…`}`,
    )
  const operator = tokens.take()
  const value = tokens.take()
  if (value.kind !== 'word' && value.kind !== 'quoted')
    throw new WhereError(value.column, `${term}${operator.text} has no value: ${shown(value)} stands there`)
  if (isOneOf(TIME_TERMS, term)) return timeCondition(term, operator, value)
  if (term === 'key') return keyCondition(tokens, operator, value)
  if (term === 'state') return stateCondition(operator, value)
  return textCondition(term as TextTerm, operator, value)
}

const EXAMPLE = 'write one like name~**.example.com or expires<14d'
const LIKE = {
  name: 'name~**.example.com',
  expires: 'expires<14d',
  issued: 'issued>30d',
  key: 'key=rsa<3072',
  state: 'state=expired',
} as const

function timeCondition(term: TimeTerm, operator: Token, value: Token): Condition {
  if (!isComparison(operator.text))
    throw new WhereError(operator.column, `${term} is compared by < or >, like ${LIKE[term]}`)
  return { kind: 'time', term, operator: operator.text, value: parseTime(value) }
}

function keyCondition(tokens: Tokens, operator: Token, value: Token): Condition {
  if (operator.text !== '=' && operator.text !== '!=')
    throw new WhereError(
      operator.column,
      'key is compared by = or !=, like key=ec, key=P-256 or key=rsa<3072',
    )
  const written = value.text.toLowerCase()
  const sized = /^(rsa)(\d{3,5})$/.exec(written)
  const negated = operator.text === '!='
  if (sized !== null)
    return { kind: 'key', type: 'rsa', bits: { operator: '=', value: Number(sized[2]) }, negated }
  if (tokens.peek().kind !== 'operator') return { kind: 'key', type: written, bits: null, negated }
  const comparison = tokens.take()
  const bits = tokens.take()
  if (!isComparison(comparison.text) || !/^\d{1,5}$/.test(bits.text))
    throw new WhereError(comparison.column, 'the size of a key is compared with bits, like key=rsa<3072')
  return {
    kind: 'key',
    type: written,
    bits: { operator: comparison.text, value: Number(bits.text) },
    negated,
  }
}

function stateCondition(operator: Token, value: Token): Condition {
  if (operator.text !== '=')
    throw new WhereError(operator.column, 'state is compared by =; write not state=… for the others')
  const state = value.text.toLowerCase()
  if (isOneOf(STATES, state)) return { kind: 'flag', flag: state }
  throw new WhereError(value.column, `${shown(value)} is no state. ${nearestName(state, STATES, 'states')}`)
}

function textCondition(term: TextTerm, operator: Token, value: Token): Condition {
  const { text } = operator
  if (text !== '=' && text !== '!=' && text !== '~')
    throw new WhereError(operator.column, `${term} is compared by =, != or ~`)
  if (value.text === '') throw new WhereError(value.column, `${term}${text} has an empty value`)
  if (term === 'name') return nameCondition(text, value)
  if (text === '~' && term !== 'issuer' && term !== 'label')
    throw new WhereError(
      operator.column,
      `${term} is compared by = or !=: only name, issuer and label have ~`,
    )
  return { kind: 'text', term, operator: text, value: hexTerms.has(term) ? hexOf(term, value) : value.text }
}

function nameCondition(operator: '=' | '!=' | '~', value: Token): Condition {
  if (operator === '~') {
    const pattern = parsePattern(value.text)
    if ('fault' in pattern) throw new WhereError(value.column, pattern.fault)
    return { kind: 'names', pattern }
  }
  const type = isIP(value.text) === 0 ? 'dns' : 'ip'
  const name = normalise({ type, value: value.text })
  if (isFault(name)) throw new WhereError(value.column, name.fault)
  const written = name.covers === 'wildcard' ? `*.${name.value}` : name.value
  return { kind: 'text', term: 'name', operator, value: written }
}

const hexTerms: ReadonlySet<TextTerm> = new Set(['serial', 'fingerprint'])

/** As the inventory has them: lower case, no colons, of a serial number no leading zeros. */
function hexOf(term: TextTerm, value: Token): string {
  const digits = value.text.replaceAll(':', '').toLowerCase()
  if (!/^[0-9a-f]+$/.test(digits))
    throw new WhereError(value.column, `${shown(value)} is no ${term}: write hex digits`)
  if (term === 'fingerprint' && digits.length !== 64)
    throw new WhereError(
      value.column,
      `a fingerprint has 64 hex digits (SHA-256), and this has ${digits.length}`,
    )
  return term === 'serial' ? digits.replace(/^0+(?=.)/, '') : digits
}

function isComparison(text: string): text is Comparison {
  return text === '<' || text === '<=' || text === '>' || text === '>='
}

function isOneOf<T extends string>(all: readonly T[], text: string): text is T {
  return all.some((one) => one === text)
}

function shown({ kind, text }: Token): string {
  return kind === 'end' ? 'the end' : JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text)
}
