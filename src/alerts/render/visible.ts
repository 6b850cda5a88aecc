/**
 * Names and what CAs say come from strangers. In a message every character shows itself: controls, bidirectional and
 * zero-width formats, separators, private use, lone surrogates and what Unicode calls ignorable become `\u{202e}`.
 * Markup is a matter of each channel.
 */
const ACTIVE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Default_Ignorable_Code_Point}]/gu

/** One line. Tabs and line breaks become a space. */
export function visible(text: string, most = 1000): string {
  const line = text.slice(0, 4 * most).replace(/[\t\r\n\v\f]+/g, ' ')
  return cut(line.replace(ACTIVE, shown), most)
}

/** As {@link visible}, but keeps line breaks. */
export function visibleBlock(text: string, most = 16_000): string {
  const lines = text.slice(0, 4 * most).split(/\r\n|\n/)
  return cut(lines.map((line) => line.replaceAll('\t', ' ').replace(ACTIVE, shown)).join('\n'), most)
}

function shown(character: string): string {
  return `\\u{${character.codePointAt(0)!.toString(16)}}`
}

/** At most so many UTF-16 units, the last an ellipsis where something was left out. Splits no character. */
export function cut(text: string, most: number): string {
  if (text.length <= most) return text
  const head = text.slice(0, Math.max(0, most - 1))
  return `${/[\uD800-\uDBFF]$/.test(head) ? head.slice(0, -1) : head}…`
}

/** As {@link cut}, in bytes of UTF-8. */
export function cutBytes(text: string, most: number): string {
  if (Buffer.byteLength(text) <= most) return text
  const head = Buffer.from(text).subarray(0, most - 3)
  let end = head.length
  while (end > 0 && (Buffer.from(text)[end]! & 0xc0) === 0x80) end -= 1
  return `${head.subarray(0, end).toString('utf8')}…`
}
