import { isDnsName } from './values.ts'

/** As policies write names: `www.example.com`, `.example.com`, `*.example.com`, `**.example.com`, `**`. */
const PATTERN_START = /^(?:\.|\*\*(?:\{\d{1,3}\})?(?:\.|$))/

/** By its form alone; those who use it read it by the rules of the policy. */
export function isPattern(text: string): boolean {
  const start = PATTERN_START.exec(text)?.[0] ?? ''
  const rest = text.slice(start.length)
  if (rest === '') return start.startsWith('**') && !start.endsWith('.')
  return rest !== '*' && isDnsName(rest.replaceAll(/(?<=^|\.)\*(?=\.)/g, 'x'))
}
