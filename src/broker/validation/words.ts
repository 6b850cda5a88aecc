/** What validations say, in Boulder's words: people search for them, and audit/diagnosis knows them. */
import { AcmeProblem } from '../../acme/problem.ts'

/** A stranger's text as Go's %q has it, but for what a terminal could take for more than a letter. */
export function quoted(text: string, most = 200): string {
  const shown = text.length > most ? `${text.slice(0, most)}...` : text
  return JSON.stringify(shown).replace(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** A URL that a stranger had a part in, short enough to read. */
export function shownUrl(url: string): string {
  return url.length > 300 ? `${url.slice(0, 300)}...` : url
}

/** The same problem, with something before its detail. */
export function prefixed(prefix: string, problem: AcmeProblem): AcmeProblem {
  return new AcmeProblem(problem.type, `${prefix}${problem.message}`)
}
