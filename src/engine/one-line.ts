/** A text of the CA's for a message: one line without control characters, cut at `most` UTF-16 code units. */
export function oneLine(text: string, most = 500): string {
  const line = text
    .slice(0, most * 2)
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\s]+/gu, ' ')
    .trim()
  return line.length <= most ? line : `${line.slice(0, most).toWellFormed()}…`
}
