/** A bounded number of places, and a bounded line of those who wait for one, first come first served. */
export class Places {
  readonly #limit: number
  readonly #mostWaiting: number
  readonly #line: (() => void)[] = []
  #taken = 0

  constructor(limit: number, mostWaiting: number) {
    this.#limit = limit
    this.#mostWaiting = mostWaiting
  }

  get taken(): number {
    return this.#taken
  }

  /** Resolves to true with a place taken: at once, or when one becomes free within `wait` ms; to false otherwise. */
  async take(wait: number): Promise<boolean> {
    if (this.#taken < this.#limit) {
      this.#taken += 1
      return true
    }
    if (this.#line.length >= this.#mostWaiting) return false
    return new Promise((resolve) => {
      const call = () => {
        clearTimeout(timer)
        resolve(true)
      }
      const timer = setTimeout(() => {
        this.#line.splice(this.#line.indexOf(call), 1)
        resolve(false)
      }, wait)
      this.#line.push(call)
    })
  }

  /** Whoever is next in line has the place of the one that leaves. */
  release(): void {
    const next = this.#line.shift()
    if (next) next()
    else this.#taken -= 1
  }
}
