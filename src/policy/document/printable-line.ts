/** As the command line's escapeText: what acts on a terminal, or hides what stands beside it. */
const ACTIVE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Default_Ignorable_Code_Point}]/gu

/**
 * One line of at most `most` UTF-16 code units that shows itself and nothing else: white space becomes one space, other
 * characters that are not seen become `\u{202e}`, a cut ends in `…`. For texts that clients and terminals get.
 */
export function printableLine(text: string, most: number): string {
  const near = text.length > 4 * most ? text.slice(0, 4 * most) : text
  const line = near
    .replace(/\s+/g, ' ')
    .replace(ACTIVE, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`)
    .trim()
  if (line.length <= most && near.length === text.length) return line
  return `${line.slice(0, Math.max(most - 1, 0)).replace(/[\ud800-\udbff]$/, '')}…`
}
