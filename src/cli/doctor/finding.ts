/**
 * src/cli/doctor looks from a client's machine at the way to its CA, or from the server's at the server. Checks run
 * in order; one that makes the rest meaningless ends them. Start with `client-side.ts`.
 */

export interface Finding {
  /** A closed set of short names, for programs. */
  readonly check: string
  readonly state: 'ok' | 'fail' | 'note'
  /** One line for a person. */
  readonly says: string
  /** What to do; null where nothing is to be done. */
  readonly remedy: string | null
}

export class Findings {
  readonly all: Finding[] = []

  ok(check: string, says: string): void {
    this.all.push({ check, state: 'ok', says, remedy: null })
  }

  fail(check: string, says: string, remedy: string): void {
    this.all.push({ check, state: 'fail', says, remedy })
  }

  note(check: string, says: string, remedy: string): void {
    this.all.push({ check, state: 'note', says, remedy })
  }

  get failed(): boolean {
    return this.all.some(({ state }) => state === 'fail')
  }
}
