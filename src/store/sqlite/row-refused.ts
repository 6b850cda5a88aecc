/** What was asked for cannot be done; the message says why. Becomes EngineError `input`. */
export class RowRefused extends Error {
  readonly code = 'refused'
}
