/** Octets of one character-string (RFC 1035 §3.3). */
const LONGEST = 255

/** The content of a TXT record as zone files write it (RFC 1035 §5.1): in quotes, in pieces where it is long. */
export function quoteTxt(value: string): string {
  return quotePieces(value.match(new RegExp(`.{1,${LONGEST}}`, 'gs')) ?? [''])
}

export function quotePieces(pieces: readonly string[]): string {
  return pieces.map((piece) => `"${piece.replace(/["\\]/g, '\\$&')}"`).join(' ')
}

/** The value of a TXT record, quoted or not: providers show both. */
export function readTxt(content: string): string {
  return content.trimStart().startsWith('"') ? piecesOf(content).join('') : content
}

/** The character-strings of a quoted content. */
export function piecesOf(content: string): string[] {
  return [...content.matchAll(/"((?:[^"\\]|\\.)*)"/gs)].map(([, piece = '']) =>
    piece.replace(/\\(\d{3}|.)/gs, (_, escaped: string) =>
      escaped.length === 3 ? String.fromCharCode(Number(escaped)) : escaped,
    ),
  )
}
