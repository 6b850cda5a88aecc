/**
 * RFC 8659 §4.2, the grammar of `issue` properties, as the strictest of the CAs read it: Pebble finds neither an issuer
 * with capital letters nor a parameter beside a tab.
 */
export interface IssueValue {
  readonly issuer: string
  /** Names in lower case, each once. */
  readonly parameters: ReadonlyMap<string, string>
}

/** Room for any account URL; what a stranger's zone holds may be 65 KB. */
const LONGEST = 4096

/** The value, or in one phrase why it is none. */
export function parseIssueValue(text: string): IssueValue | string {
  if (text.length > LONGEST) return `it is longer than ${LONGEST} characters`
  if (text.includes('\t')) return 'it holds a tab, which not every CA reads: write a blank'
  const [first = '', ...rest] = text.split(';').map((part) => part.replace(/^ +| +$/g, ''))
  const issuer = first.toLowerCase()
  if (issuer === '') return 'it names no CA before the first semicolon'
  if (!/^[a-z0-9](?:-*[a-z0-9])*(?:\.[a-z0-9](?:-*[a-z0-9])*)*$/.test(issuer))
    return `${JSON.stringify(first.slice(0, 100))} is no issuer domain name`
  if (first !== issuer)
    return `${JSON.stringify(first)} must be in lower case: not every CA compares it otherwise`
  const parameters = new Map<string, string>()
  for (const [index, part] of rest.entries()) {
    if (part === '')
      return index === rest.length - 1 ? 'a semicolon stands at its end' : 'two semicolons follow one another'
    const [, tag = '', value = ''] = /^([^=]*?) *= *(.*)$/s.exec(part) ?? []
    if (tag === '') return `${JSON.stringify(part.slice(0, 100))} is not name=value`
    if (!/^[a-z0-9](?:-*[a-z0-9])*$/i.test(tag))
      return `${JSON.stringify(tag.slice(0, 100))} is no parameter name`
    if (!/^[\x21-\x3a\x3c-\x7e]*$/.test(value))
      return `the value of ${tag} holds a blank or a character that is not allowed`
    if (parameters.has(tag.toLowerCase())) return `${tag} is there twice`
    parameters.set(tag.toLowerCase(), value)
  }
  return { issuer, parameters }
}
