/**
 * A set of small numbers, one bit each: a thousand of them are compared with others in 32 steps. Its words are an array
 * of integers: a typed array of that length lies outside the heap and costs more to make than all the rest.
 */
export class Bits {
  readonly #words: number[]

  private constructor(words: number[]) {
    this.#words = words
  }

  /** Of numbers below `size`. */
  static none(size: number): Bits {
    return new Bits(new Array<number>((size + 31) >>> 5).fill(0))
  }

  static of(size: number, members: Iterable<number>): Bits {
    const bits = Bits.none(size)
    for (const member of members) bits.add(member)
    return bits
  }

  static all(size: number): Bits {
    const bits = Bits.none(size)
    bits.#words.fill(-1)
    const over = size & 31
    if (over > 0) bits.#words[bits.#words.length - 1] = 0xffffffff >>> (32 - over)
    return bits
  }

  copy(): Bits {
    return new Bits(this.#words.slice())
  }

  /** The same members as the other. */
  become(other: Bits): void {
    const own = this.#words
    const others = other.#words
    for (let i = 0; i < own.length; i++) own[i] = others[i]!
  }

  add(member: number): void {
    this.#words[member >>> 5]! |= 1 << (member & 31)
  }

  delete(member: number): void {
    this.#words[member >>> 5]! &= ~(1 << (member & 31))
  }

  has(member: number): boolean {
    return (this.#words[member >>> 5]! & (1 << (member & 31))) !== 0
  }

  /** Of the same size, as all sets that meet are. */
  addAll(other: Bits): void {
    const own = this.#words
    const others = other.#words
    for (let i = 0; i < own.length; i++) own[i]! |= others[i]!
  }

  keepOnly(other: Bits): void {
    const own = this.#words
    const others = other.#words
    for (let i = 0; i < own.length; i++) own[i]! &= others[i]!
  }

  /** The least member of both from `from` on; -1 where there is none. */
  nextIn(other: Bits, from = 0): number {
    const own = this.#words
    const others = other.#words
    let mask = 0xffffffff << (from & 31)
    for (let i = from >>> 5; i < own.length; i++) {
      const word = own[i]! & others[i]! & mask
      if (word !== 0) return (i << 5) + 31 - Math.clz32(word & -word)
      mask = 0xffffffff
    }
    return -1
  }
}
