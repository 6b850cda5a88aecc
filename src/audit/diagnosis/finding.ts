/** What a check has found, and what is to be done about it. Checks run in order. */
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
