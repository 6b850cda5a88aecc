/**
 * Characters that act on a terminal instead of being shown, or that hide what stands beside them: controls (C0,
 * C1), formats (bidirectional, zero-width, soft hyphen, tags), line and paragraph separators, private use, lone
 * surrogates, and whatever Unicode calls ignorable.
 */
const ACTIVE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Default_Ignorable_Code_Point}]/gu

/** Data as one line of characters that only show themselves: others become `\u{202e}`. */
export function escapeText(text: string): string {
  return text.replace(ACTIVE, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`)
}

/** As {@link escapeText}, but keeps line breaks: for bodies, which are shown as a block. */
export function escapeBlock(text: string): string {
  return text
    .split(/\r?\n/)
    .map((line) => escapeText(line))
    .join('\n')
}

/** At most `width` characters: the middle gives way, for both ends of a name or URL tell things apart. */
export function cutMiddle(text: string, width: number): string {
  const characters = [...text]
  if (characters.length <= width) return text
  if (width <= 1) return '…'.slice(0, width)
  const head = Math.ceil((width - 1) / 2)
  return `${characters.slice(0, head).join('')}…${characters.slice(characters.length - (width - 1 - head)).join('')}`
}
