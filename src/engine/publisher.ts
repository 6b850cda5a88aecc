/** One TXT record. `name`: the whole name in lower case, without the final dot, CNAMEs already followed. */
export interface TxtRecord {
  readonly name: string
  readonly value: string
  /** Seconds. */
  readonly ttl: number
}

/**
 * Puts TXT records somewhere in the DNS. Others with the same name and another value stay: a name and its wildcard are
 * validated at the same time. Rejects with EngineError.
 */
export interface Publisher {
  /** Repeating it does no harm. */
  add(record: TxtRecord, signal: AbortSignal): Promise<void>
  /** Removes this value only; resolves too where it is not there. */
  remove(record: TxtRecord, signal: AbortSignal): Promise<void>
  close?(): Promise<void>
}
