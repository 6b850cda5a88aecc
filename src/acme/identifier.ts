/** RFC 8555 §9.7.7 and RFC 8738: what a certificate is asked for. Kept as the client wrote it. */
export interface Identifier {
  readonly type: string
  readonly value: string
}
