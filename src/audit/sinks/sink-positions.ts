/** How far a sink has come: everything up to here its output has taken. */
export interface SinkPosition {
  /** Of the last outcome it has passed. */
  readonly sequence: number
  /** Outcomes of the record up to that one; what is left is the backlog. */
  readonly outcomes: number
  /** Lines written so far: the last one's number. */
  readonly lines: number
}

/** Keeps each sink's position, durably, by the sink's name. Both reject where the store can't. */
export interface SinkPositions {
  /** Null for a name that has never advanced. */
  position(name: string): Promise<SinkPosition | null>
  /** Resolves when it is durable. Writes no fact. */
  advance(name: string, position: SinkPosition): Promise<void>
}
