/** How much work expressions may do. One unit is the evaluation of one small node, about a fifth of a microsecond. */
const FUEL = 10_000
/** All expressions over one request together: a hundred names with a rule of its own for each may cost no more. */
const FUEL_OF_REQUEST = 200_000

/** Thrown where the fuel is used up. Made once: there is no stack worth its cost. */
export class OutOfFuel extends Error {
  constructor() {
    super('the expression is too much work for this request')
    this.stack = ''
  }
}
const OUT_OF_FUEL = new OutOfFuel()

/** What is left for the evaluation that runs. Evaluation is synchronous, so there is one at a time. */
export class Tank {
  #left = 0
  readonly #requests = new WeakMap<object, number>()

  /** Begins an evaluation over a request (any object that stands for it). */
  fill(request: object): void {
    this.#left = Math.min(FUEL, this.#requests.get(request) ?? FUEL_OF_REQUEST)
  }

  /** Whether this request has had its share: then nothing more has to be tried over it. */
  isSpent(request: object): boolean {
    return (this.#requests.get(request) ?? FUEL_OF_REQUEST) <= 0
  }

  /** Ends it; `used` counts against the request. */
  settle(request: object): void {
    const had = this.#requests.get(request) ?? FUEL_OF_REQUEST
    const used = Math.min(FUEL, had) - Math.max(0, this.#left)
    this.#requests.set(request, had - used)
  }

  /** Throws where there is none left; from then on whatever else is tried throws too. */
  burn(units: number): void {
    this.#left -= units
    if (this.#left < 0) throw OUT_OF_FUEL
  }
}

/** What it costs to have made this value, and to look at all of it once. */
export function weightOf(value: unknown): number {
  switch (typeof value) {
    case 'string':
      return 1 + (value.length >>> 5)
    case 'bigint':
      return value > MOST || value < -MOST ? 1000 : 1
    case 'object':
      return weightOfObject(value)
    default:
      return 1
  }
}

const MOST = 2n ** 128n

function weightOfObject(value: object | null): number {
  if (value === null) return 1
  if (Array.isArray(value)) {
    const [first] = value as unknown[]
    // Lists of facts hold short texts; what an expression nests, or a webhook sent, is weighed whole.
    if (typeof first !== 'object' || first === null) return 1 + (value.length >>> 1)
    return value.reduce<number>((sum, item) => sum + weightOf(item), 1)
  }
  if (value.constructor !== Object && value.constructor !== undefined) return 8
  let sum = 1
  for (const item of Object.values(value)) sum += weightOf(item)
  return sum
}
