/** A line on its way out. */
export interface OutgoingLine {
  /** Without a line break. */
  readonly text: string
  /** When what it tells of ended, µs since 1970. */
  readonly at: number
  readonly severity: Severity
}

/** RFC 5424 §6.2.1, as far as outcomes need it: 3 error, 4 warning, 5 notice, 6 informational. */
export type Severity = 3 | 4 | 5 | 6

/** Where a sink's lines go. One call at a time. */
export interface Output {
  /**
   * Resolves when the lines are taken, as far as this output can tell. Rejects with a message for the operator;
   * then all of them are given again, so lines may arrive twice and none is lost. `signal` ends the wait.
   */
  write(lines: readonly OutgoingLine[], signal: AbortSignal): Promise<void>
  /** What is open is opened anew: files that were moved away. */
  reopen(): void
  close(): Promise<void>
}
