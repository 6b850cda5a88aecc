import { type KeyInfo, ROOT_KEY } from './keys.ts'

const WIDTH = 100

/** A configuration with every key, its description and its default, made from the schema. Ends in a newline. */
export function renderExample(): string {
  const head = [
    '# Every key of acmetap.yaml with its default. Lines that are commented out have no default.',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the text is about this very syntax
    '# Paths are relative to this file. ${NAME} in a value is filled in from the environment.',
    '# After a change: acmetap config check, then SIGHUP. A bad file changes nothing.',
    '',
  ]
  return `${[...head, ...renderMembers(ROOT_KEY, '')].join('\n')}\n`
}

function renderMembers(info: KeyInfo, indent: string): string[] {
  return [...info.members].flatMap(([name, member]) => renderKey(name, member, indent))
}

function renderKey(name: string, info: KeyInfo, indent: string): string[] {
  const comment = wrap(info.description ?? '', WIDTH - indent.length).map((line) => `${indent}# ${line}`)
  const entry = info.members.get('*')
  let lines: string[]
  if (info.kind === 'mapping' && info.members.size === 0) lines = [`${indent}${name}: {}`]
  else if (info.kind === 'mapping') lines = [`${indent}${name}:`, ...renderMembers(info, `${indent}  `)]
  else if (info.kind === 'named' && entry?.kind === 'scalar') {
    lines = [`${indent}${name}:`, `${indent}  ${String(info.example)}`]
  } else if (info.kind === 'named') {
    lines = [
      `${indent}${name}:`,
      `${indent}  ${String(info.example)}:`,
      ...renderMembers(entry!, `${indent}    `),
    ]
  } else if (info.kind === 'list' && entry?.kind === 'mapping') {
    const members = renderMembers(entry, `${indent}    `)
    const first = members.findIndex((line) => !line.trimStart().startsWith('# '))
    lines = [
      `${indent}${name}:`,
      ...members.map((line, at) =>
        at === first ? `${indent}  - ${line.trimStart().replace('#', '')}` : line,
      ),
    ]
  } else lines = [`${indent}${name}: ${inline(info.default ?? info.example)}`]
  const absent =
    (info.optional && info.default === undefined) || (!BEGINNING.has(info.path) && isEmptyOf(info, entry))
  return [...comment, ...(absent ? lines.map((line) => commentOut(line, indent)) : lines)]
}

/** What a first configuration has: a CA and its relay. */
const BEGINNING = new Set(['cas', 'relay'])

/** Entries that would be an example of something that is not there by default. */
function isEmptyOf({ kind, default: written }: KeyInfo, entry: KeyInfo | undefined): boolean {
  const several = kind === 'named' || (kind === 'list' && entry?.kind === 'mapping')
  return several && typeof written === 'object' && written !== null && Object.keys(written).length === 0
}

function commentOut(line: string, indent: string): string {
  const rest = line.slice(indent.length)
  return rest.trimStart().startsWith('#') ? line : `${indent}#${rest}`
}

function inline(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(inline).join(', ')}]`
  return String(value)
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + word.length < width) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}
