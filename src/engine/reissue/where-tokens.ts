import { WhereError } from './where.ts'

export interface Token {
  readonly kind: 'word' | 'quoted' | 'operator' | '(' | ')' | 'end'
  readonly text: string
  /** From 1. */
  readonly column: number
}

/** What is left of a text, one token after the other. */
export class Tokens {
  readonly #tokens: readonly Token[]
  #at = 0

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens
  }

  peek(): Token {
    return this.#tokens[this.#at]!
  }

  /** The end is never taken. */
  take(): Token {
    const token = this.peek()
    if (token.kind !== 'end') this.#at += 1
    return token
  }

  /** Takes the next one where it is this word. */
  takes(word: string): boolean {
    if (this.peek().kind !== 'word' || this.peek().text.toLowerCase() !== word) return false
    this.#at += 1
    return true
  }
}

const LONGEST = 4_000
const BLANK = /\s/
const OPERATOR = /[<>]=?|!=|[=~]/y
const WORD = /[^\s()<>=~!'"]+/y

/** Throws WhereError for a character that nothing begins with, and for a quote without its end. */
export function tokensOf(text: string): Token[] {
  if (text.length > LONGEST)
    throw new WhereError(LONGEST + 1, `is longer than ${LONGEST} characters: make several plans`)
  const tokens: Token[] = []
  let at = 0
  const take = (kind: Token['kind'], written: string, value = written): void => {
    tokens.push({ kind, text: value, column: at + 1 })
    at += written.length
  }
  while (at < text.length) {
    const first = text.charAt(at)
    if (BLANK.test(first)) at += 1
    else if (first === '(' || first === ')') take(first, first)
    else if (first === "'" || first === '"') {
      const end = text.indexOf(first, at + 1)
      if (end === -1) throw new WhereError(at + 1, `a quote without its end: add a ${first}`)
      take('quoted', text.slice(at, end + 1), text.slice(at + 1, end))
    } else {
      const operator = matchAt(OPERATOR, text, at)
      const word = operator === null ? matchAt(WORD, text, at) : null
      if (operator !== null) take('operator', operator)
      else if (word !== null) take('word', word)
      else
        throw new WhereError(
          at + 1,
          `${JSON.stringify(first)} stands alone: write != for "is not", and quotes around values that hold it`,
        )
    }
  }
  take('end', '')
  return tokens
}

function matchAt(pattern: RegExp, text: string, at: number): string | null {
  pattern.lastIndex = at
  return pattern.exec(text)?.[0] ?? null
}
