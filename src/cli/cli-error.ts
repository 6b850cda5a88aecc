/** A command could not do it. The message says why, the advice what to do next; no stack is shown. Exit code 1. */
export class CliError extends Error {
  readonly advice: string | null
  constructor(message: string, advice: string | null = null) {
    super(message)
    this.name = 'CliError'
    this.advice = advice
  }
}

/** The command line itself makes no sense. Exit code 2. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'UsageError'
  }
}
