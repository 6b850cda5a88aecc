import { CliError } from '../cli-error.ts'

/** What was looked for; throws a {@link CliError} where there is none. `what` names one of the list: `account`. */
export function found<T>(value: T | null, what: string, words: string): T {
  if (value !== null) return value
  throw new CliError(`there is no ${what} ${words} in this record`, `List them with: acmetap ${what}s`)
}
