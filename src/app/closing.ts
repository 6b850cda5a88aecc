/** What was opened, to be closed in the opposite order. */
export class Closing {
  readonly #steps: (() => Promise<unknown> | unknown)[] = []

  add(step: () => Promise<unknown> | unknown): void {
    this.#steps.push(step)
  }

  /** Every step runs, whatever another one throws. Always resolves. */
  async run(onFault: (error: unknown) => void): Promise<void> {
    for (const step of this.#steps.splice(0).reverse()) {
      try {
        await step()
      } catch (error) {
        onFault(error)
      }
    }
  }
}
