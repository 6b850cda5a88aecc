/** The XML that Route 53 speaks: elements and text. No document types, so nothing that could be expanded. */

export interface XmlElement {
  readonly name: string
  readonly children: readonly XmlElement[]
  /** Between its tags, where it has no children. */
  readonly text: string
}

const DEEPEST = 32
const NAME = '[A-Za-z_][A-Za-z0-9_.:-]*'
const TOKEN = new RegExp(
  `<(?<close>/)?(?<name>${NAME})(?:\\s+${NAME}\\s*=\\s*(?:"[^"<]*"|'[^'<]*'))*\\s*(?<empty>/)?>|(?<text>[^<]+)`,
  'y',
)
const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

interface Open {
  readonly name: string
  readonly children: XmlElement[]
  text: string
}

/** The root element. Null for what is not well-formed, or has more than elements, attributes and text. */
export function readXml(text: string): XmlElement | null {
  const document = text.replace(/^\uFEFF?\s*(?:<\?xml\s[^?<>]*\?>)?\s*/, '').trimEnd()
  const open: Open[] = []
  TOKEN.lastIndex = 0
  while (TOKEN.lastIndex < document.length) {
    const parts = TOKEN.exec(document)?.groups
    if (parts === undefined) return null
    const top = open.at(-1)
    if (parts.text !== undefined) {
      const read = unescapeXml(parts.text)
      if (top === undefined || read === null) return null
      top.text += read
      continue
    }
    if (parts.close === undefined) {
      if (open.length >= DEEPEST) return null
      open.push({ name: parts.name ?? '', children: [], text: '' })
      if (parts.empty === undefined) continue
    } else if (parts.empty !== undefined || top?.name !== parts.name) return null
    const done = open.pop()
    if (done === undefined) return null
    const { name, children } = done
    // Between children there is nothing but layout.
    if (children.length > 0 && done.text.trim() !== '') return null
    const element = { name, children, text: children.length > 0 ? '' : done.text }
    const parent = open.at(-1)
    if (parent === undefined) return TOKEN.lastIndex === document.length ? element : null
    parent.children.push(element)
  }
  return null
}

/** The elements that a path of names leads to. */
export function within(element: XmlElement, ...path: readonly string[]): readonly XmlElement[] {
  return path.reduce<readonly XmlElement[]>(
    (found, name) => found.flatMap(({ children }) => children.filter((child) => child.name === name)),
    [element],
  )
}

/** The text of the first of them; null where there is none. */
export function textAt(element: XmlElement, ...path: readonly string[]): string | null {
  return within(element, ...path)[0]?.text ?? null
}

export function escapeXml(text: string): string {
  return text.replace(/[&<>"']/g, (one) => `&#${one.charCodeAt(0)};`)
}

function unescapeXml(text: string): string | null {
  let broken = false
  const read = text.replace(/&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|([a-z]+));|&/g, (_, decimal, hex, name) => {
    const code = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal)
    const found = name === undefined ? character(code) : ENTITIES[name]
    if (found === undefined) broken = true
    return found ?? ''
  })
  return broken ? null : read
}

function character(code: number): string | undefined {
  return code > 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff)
    ? String.fromCodePoint(code)
    : undefined
}
