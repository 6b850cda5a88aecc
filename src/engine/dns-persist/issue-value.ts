/** RFC 8659 §4.2, the grammar of `issue` properties, as CAs read it: strictly. */
export interface IssueValue {
  /** In lower case. */
  readonly issuer: string
  /** Names in lower case, each once. */
  readonly parameters: ReadonlyMap<string, string>
}

/** The value, or in one phrase why it is none. */
export function parseIssueValue(text: string): IssueValue | string {
  const [first = '', ...rest] = text.split(';').map((part) => part.replace(/^[ \t]+|[ \t]+$/g, ''))
  const issuer = first.toLowerCase()
  if (issuer === '') return 'it names no CA before the first semicolon'
  if (!/^[a-z0-9](?:-*[a-z0-9])*(?:\.[a-z0-9](?:-*[a-z0-9])*)*$/.test(issuer))
    return `${JSON.stringify(first.slice(0, 100))} is no issuer domain name`
  const parameters = new Map<string, string>()
  for (const [index, part] of rest.entries()) {
    if (part === '')
      return index === rest.length - 1 ? 'a semicolon stands at its end' : 'two semicolons follow one another'
    const [, tag = '', value = ''] = /^([^=]*?)[ \t]*=[ \t]*(.*)$/s.exec(part) ?? []
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
