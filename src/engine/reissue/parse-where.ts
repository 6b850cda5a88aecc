import { parseCondition } from './parse-condition.ts'
import { type Where, WhereError } from './where.ts'
import { Tokens, tokensOf } from './where-tokens.ts'

const DEEPEST = 50

/** Throws {@link WhereError}: the column, what is wrong there and what to write instead. */
export function parseWhere(text: string): Where {
  const tokens = new Tokens(tokensOf(text))
  if (tokens.peek().kind === 'end')
    throw new WhereError(1, 'nothing is asked for: write conditions like name~**.example.com and expires<14d')
  const where = parseOr(tokens, 0)
  const { kind, text: left, column } = tokens.peek()
  if (kind === ')') throw new WhereError(column, 'a ) without its (: leave it out')
  if (kind !== 'end')
    throw new WhereError(column, `${JSON.stringify(left)} follows a condition: write and or or before it`)
  return where
}

function parseOr(tokens: Tokens, depth: number): Where {
  const parts = [parseAnd(tokens, depth)]
  while (tokens.takes('or')) parts.push(parseAnd(tokens, depth))
  return parts.length === 1 ? parts[0]! : { kind: 'or', parts }
}

function parseAnd(tokens: Tokens, depth: number): Where {
  const parts = [parseNot(tokens, depth)]
  while (tokens.takes('and')) parts.push(parseNot(tokens, depth))
  return parts.length === 1 ? parts[0]! : { kind: 'and', parts }
}

function parseNot(tokens: Tokens, depth: number): Where {
  const { kind, column } = tokens.peek()
  if (depth > DEEPEST)
    throw new WhereError(column, `more than ${DEEPEST} parentheses or nots within each other`)
  if (tokens.takes('not')) return { kind: 'not', part: parseNot(tokens, depth + 1) }
  if (kind !== '(') return parseCondition(tokens)
  tokens.take()
  const inner = parseOr(tokens, depth + 1)
  const closing = tokens.take()
  if (closing.kind !== ')')
    throw new WhereError(closing.column, `the ( of column ${column} has no end: add a )`)
  return inner
}
