/** What is wrong with a regular expression (RE2) or a CEL expression, on one line; null for a good one. */
export function regExpFault(text: string): string | null {
  return text === '' ? 'is empty' : null
}

export function celFault(text: string): string | null {
  return text.trim() === '' ? 'is empty' : null
}
