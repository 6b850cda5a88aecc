import { Composer, type Document, Lexer, LineCounter, Parser, YAMLParseError } from 'yaml'

/** Nodes within each other while the text is read: more than any reader of its value takes. */
const DEEPEST_TEXT = 200

export interface ParsedYaml {
  readonly document: Document.Parsed
  readonly lines: LineCounter
}

/**
 * As `parseDocument` of the library, in time that grows with the text alone: what is nested without end is given up
 * before the library calls itself for each level, and keys are not compared each with all (a key that is written twice
 * is the caller's to find). Throws {@link NestedTooDeep}, and what the library throws.
 */
export function parseYaml(text: string): ParsedYaml {
  const lines = new LineCounter()
  const composer = new Composer({ prettyErrors: false, version: '1.2', schema: 'core', uniqueKeys: false })
  const [document, next] = composer.compose(tokensOf(text, lines), true, text.length)
  if (document === undefined) throw new Error('there is no document')
  if (next !== undefined) {
    const message = 'Source contains multiple documents'
    const [start, end] = next.range
    document.errors.push(new YAMLParseError([start, end], 'MULTIPLE_DOCS', message))
  }
  return { document: document as Document.Parsed, lines }
}

export class NestedTooDeep extends Error {
  /** Characters before it. */
  readonly offset: number

  constructor(offset: number) {
    super('is nested too deep')
    this.offset = offset
  }
}

function* tokensOf(text: string, lines: LineCounter) {
  const parser = new Parser(lines.addNewLine)
  lines.addNewLine(0)
  for (const lexeme of new Lexer().lex(text)) {
    yield* parser.next(lexeme)
    if (parser.stack.length > DEEPEST_TEXT) throw new NestedTooDeep(parser.offset)
  }
  yield* parser.end()
}
