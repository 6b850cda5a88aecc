import { RE2JS } from 're2js'

/** A regular expression with RE2's syntax and cost: linear in the text, whatever is written. */
export interface RegularExpression {
  /** True where it matches anywhere in the text; of a longer one its first {@link TEXT_LIMIT} characters. */
  test(text: string): boolean
  /** How much work one character of a text can be. */
  readonly size: number
}

/** UTF-16 code units. */
const TEXT_LIMIT = 512
const SOURCE_LIMIT = 1000
/** Instructions of the compiled expression: with the longest text some milliseconds at the very worst. */
const SIZE_LIMIT = 200

/** Fault: one line that says what is wrong with it. */
export function compileRegExp(text: string): RegularExpression | { readonly fault: string } {
  if (text.length > SOURCE_LIMIT)
    return { fault: `a regular expression may have ${SOURCE_LIMIT} characters; this one has ${text.length}` }
  try {
    const compiled = RE2JS.compile(text)
    const size = compiled.programSize()
    if (size > SIZE_LIMIT)
      return { fault: `${quoted(text)} is too much work for each text: write fewer or smaller repetitions` }
    return { size, test: (input) => compiled.matcher(input.slice(0, TEXT_LIMIT)).find() }
  } catch (error) {
    return { fault: `${quoted(text)} is no regular expression of RE2: ${reasonOf(error)}` }
  }
}

function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return message.replace(/^error parsing regexp: /, '').replace(/\s+/g, ' ')
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text)
}
