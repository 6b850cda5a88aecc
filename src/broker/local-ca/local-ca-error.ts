/** The operator's to mend; the message says what is wrong and what to do. Never holds a secret. */
export class LocalCaError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'LocalCaError'
  }
}
