/** A report as titles, facts and tables: every format is made from this. Nothing in it is escaped yet. */
export interface ReportDocument {
  readonly title: string
  readonly facts: readonly (readonly [name: string, value: string])[]
  readonly sections: readonly ReportSection[]
}

export interface ReportSection {
  readonly title: string
  /** What the table shows and what it does not. */
  readonly note: string
  readonly head: readonly string[]
  readonly rows: readonly (readonly string[])[]
}
