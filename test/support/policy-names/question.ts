/** Patterns as a policy's file has them: what is protected, and of the rest what is granted. */
export interface Scope {
  readonly denied: readonly string[]
  readonly allowed: readonly string[]
  readonly deniedNetworks: readonly string[]
  readonly allowedNetworks: readonly string[]
}

/** One identifier as a client writes it. */
export interface Spelling {
  readonly family: string
  readonly type: 'dns' | 'ip'
  readonly value: string
  /** RFC 9444. */
  readonly subtree: boolean
}

export interface Question extends Spelling {
  /** Index of its scope. */
  readonly scope: number
}

/** What an oracle makes of a spelling. */
export interface Opinion {
  /**
   * `dns:` or `ip:` and what it names to some reader: a resolver, a browser, a C program, one that trims or decodes.
   * One that everybody reads alike has one reading.
   */
  readonly readings: readonly string[]
  /** Whether the spelling is above doubt, so that refusing it for its spelling is wrong; null: no opinion. */
  readonly plain: boolean | null
  /** Whether some reading of it is, or takes in, what is denied. */
  readonly reaches: boolean
  /** Of its plainest reading (`readings[0]`): whether a denied pattern touches it. */
  readonly touched: boolean
  /** And whether the allowed patterns together cover it. */
  readonly covered: boolean
}
