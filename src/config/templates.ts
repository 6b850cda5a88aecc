import { readFileSync } from 'node:fs'
import { Liquid, type Template } from 'liquidjs'

/** Bytes. The built-in templates have about 2,000. */
const MOST_BYTES = 64 * 1024

/**
 * How templates of messages are read. They see what they are given and nothing else: no files, no prototypes. An
 * unknown variable is empty, an unknown filter is an error; a template can neither run for long nor grow large.
 */
export function templateEngine({ html }: { readonly html: boolean }): Liquid {
  const engine = new Liquid({
    strictFilters: true,
    strictVariables: false,
    ownPropertyOnly: true,
    templates: {},
    parseLimit: MOST_BYTES,
    renderLimit: 200,
    memoryLimit: 5_000_000,
    ...(html ? { outputEscape: 'escape' as const } : {}),
  })
  for (const tag of ['include', 'render', 'layout', 'block']) delete engine.tags[tag]
  // What it is given is hostile: no template can take the escaping off.
  engine.registerFilter('raw', (value: unknown) => value)
  return engine
}

/**
 * Reads a template file. Throws the file system's error, or one that says the line and what is wrong there.
 */
export function parseTemplate(file: string): { readonly text: string; readonly template: Template[] } {
  const bytes = readFileSync(file)
  if (bytes.length > MOST_BYTES) throw new Error('names a template of over 64 KiB')
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new Error('names a template that is not valid UTF-8')
  }
  try {
    return { text, template: templateEngine({ html: false }).parse(text) }
  } catch (error) {
    throw new Error(`names a template that cannot be read: ${parseFault(error)}`)
  }
}

/** liquidjs ends its message with `, line:3, col:7` and follows it with the source. */
function parseFault(error: unknown): string {
  const [first = ''] = (error instanceof Error ? error.message : String(error)).split('\n')
  const parts = /^(.*), line:(\d+), col:(\d+)$/.exec(first)
  return parts === null ? first : `line ${parts[2]}, column ${parts[3]}: ${parts[1]}`
}
