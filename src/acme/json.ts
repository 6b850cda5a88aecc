import { isUtf8 } from 'node:buffer'
import type { Ambiguity, AmbiguityKind } from './ambiguity.ts'
import { foldName, foldsToKnownMember, knownFold } from './known-members.ts'

export const MAX_DEPTH = 16
export const MAX_MEMBERS = 4096
/** More than one is enough to refuse a request; the record needs no complete list. */
const MAX_AMBIGUITIES = 16

export interface StrictJson {
  /**
   * Undefined when the text could not be parsed. Objects have no prototype and no member `__proto__`, so that no
   * name a client chose reaches anything but its own value.
   */
  readonly value: unknown
  readonly ambiguities: Ambiguity[]
}

/**
 * Reads one JSON text (RFC 8259) and says where another reader might see something else in it. The rules are
 * about member names, not about values: repeated elements, nulls and unknown members are clean.
 * `where` names the text: `payload`.
 */
export function readStrictJson(bytes: Buffer, where: string): StrictJson {
  const ambiguities: Ambiguity[] = []
  if (!isUtf8(bytes)) ambiguities.push({ kind: 'invalid-utf8', where })
  const text = bytes.toString('utf8')
  const scan = new Scan(text, where, ambiguities)
  if (!scan.run()) return { value: undefined, ambiguities }
  return { value: disarmed(JSON.parse(text)), ambiguities }
}

/** A value of {@link readStrictJson} that is an object; null for anything else. */
export function asObject(value: unknown): Readonly<Record<string, unknown>> | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null
  return value as Readonly<Record<string, unknown>>
}

/** A place in a text, as it goes into the record: printable and bounded. */
export function place(where: string, ...path: readonly (string | number)[]): string {
  const steps = path
    .filter((step) => step !== '')
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${printable(step)}`))
  return `${where}${steps.join('')}`.slice(0, 200)
}

function printable(name: string): string {
  return name
    .slice(0, 40)
    .replace(/[^\x21-\x7e]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

function disarmed(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(disarmed)
  const source = value as Record<string, unknown>
  const members: Record<string, unknown> = { __proto__: null } as never
  for (const name in source) if (name !== '__proto__') members[name] = disarmed(source[name])
  return members
}

/** Thrown inside a scan to leave it: what is wrong has been noted. */
const STOP = new Error('stop')

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y
const TWO_TO_53 = 2 ** 53

/** The names of one object so far, each followed by its fold; from 16 names on also as a set. */
type Names = string[] & { seen?: Set<string> }

class Scan {
  readonly #text: string
  readonly #where: string
  readonly #ambiguities: Ambiguity[]
  readonly #path: (string | number)[] = []
  #at = 0
  #depth = 0
  #members = 0
  /** Whether the string scanned last had an escape. */
  #escaped = false

  constructor(text: string, where: string, ambiguities: Ambiguity[]) {
    this.#text = text
    this.#where = where
    this.#ambiguities = ambiguities
  }

  /** Whether the text is JSON within bounds, so that JSON.parse takes it. */
  run(): boolean {
    try {
      this.#value()
      this.#space()
      if (this.#at !== this.#text.length) this.#stop('not-json')
      return true
    } catch (error) {
      if (error !== STOP) throw error
      return false
    }
  }

  #value(): void {
    const first = this.#space()
    if (first === QUOTE) this.#string()
    else if (first === 0x7b) this.#object()
    else if (first === 0x5b) this.#array()
    else if (first === 0x74) this.#literal('true')
    else if (first === 0x66) this.#literal('false')
    else if (first === 0x6e) this.#literal('null')
    else this.#number()
  }

  #object(): void {
    const names: Names = []
    this.#enter()
    if (this.#space() !== 0x7d) {
      do {
        if (this.#space() !== QUOTE) this.#stop('not-json')
        this.#name(names)
        if (this.#space() !== 0x3a) this.#stop('not-json')
        this.#at++
        this.#value()
      } while (this.#goesOn(0x7d))
    }
    this.#leave()
  }

  #array(): void {
    let index = 0
    this.#enter()
    if (this.#space() !== 0x5d) {
      do {
        this.#path[this.#depth - 1] = index++
        this.#count()
        this.#value()
      } while (this.#goesOn(0x5d))
    }
    this.#leave()
  }

  /** Whether a comma follows, and not the bracket that ends the object or array. */
  #goesOn(end: number): boolean {
    const next = this.#space()
    if (next === end) return false
    if (next !== COMMA) this.#stop('not-json')
    this.#at++
    return true
  }

  #enter(): void {
    this.#at++
    if (this.#depth === MAX_DEPTH) this.#stop('too-deep')
    this.#path[this.#depth++] = ''
  }

  #leave(): void {
    this.#at++
    this.#depth--
  }

  #count(): void {
    if (++this.#members > MAX_MEMBERS) this.#stop('too-many-members')
  }

  /** Reads a member name and compares it with those before it in the same object. */
  #name(names: Names): void {
    this.#count()
    const start = this.#at
    this.#path[this.#depth - 1] = ''
    this.#string()
    const raw = this.#text.slice(start + 1, this.#at - 1)
    const name = this.#escaped ? (JSON.parse(`"${raw}"`) as string) : raw
    this.#path[this.#depth - 1] = name
    let fold = knownFold(name)
    if (fold === undefined) {
      fold = foldName(name)
      if (foldsToKnownMember(fold)) this.#note('case-folded-member')
    }
    this.#compare(names, name, fold)
  }

  #compare(names: Names, name: string, fold: string): void {
    if (names.seen) {
      if (names.seen.has(`=${name}`)) this.#note('duplicate-member')
      else if (names.seen.has(`~${fold}`)) this.#note('case-folded-member')
      names.seen.add(`=${name}`).add(`~${fold}`)
      return
    }
    for (let index = 0; index < names.length; index += 2) {
      if (names[index] === name) this.#note('duplicate-member')
      else if (names[index + 1] === fold) this.#note('case-folded-member')
    }
    names.push(name, fold)
    if (names.length < 32) return
    names.seen = new Set()
    for (let index = 0; index < names.length; index += 2) {
      names.seen.add(`=${names[index]}`).add(`~${names[index + 1]}`)
    }
  }

  /** From the opening quote to behind the closing one. */
  #string(): void {
    const text = this.#text
    let at = this.#at + 1
    this.#escaped = false
    for (;;) {
      const code = text.charCodeAt(at)
      if (code === QUOTE) break
      if (code === BACKSLASH) at = this.#escape(at)
      // charCodeAt is NaN at the end of the text.
      else if (code >= 0x20) at++
      else this.#stop('not-json')
    }
    this.#at = at + 1
  }

  #escape(at: number): number {
    this.#escaped = true
    const text = this.#text
    if ('"\\/bfnrt'.includes(text.charAt(at + 1) || '\0')) return at + 2
    const unit = this.#hex(at)
    if (unit < 0xd800 || unit > 0xdfff) return at + 6
    if (unit < 0xdc00 && text.startsWith('\\u', at + 6)) {
      const low = this.#hex(at + 6)
      if (low >= 0xdc00 && low <= 0xdfff) return at + 12
    }
    this.#note('lone-surrogate')
    return at + 6
  }

  #hex(at: number): number {
    const digits = this.#text.slice(at + 2, at + 6)
    if (this.#text[at + 1] !== 'u' || !/^[0-9a-fA-F]{4}$/.test(digits)) this.#stop('not-json')
    return Number.parseInt(digits, 16)
  }

  #number(): void {
    NUMBER.lastIndex = this.#at
    const digits = NUMBER.exec(this.#text)?.[0]
    if (digits === undefined) this.#stop('not-json')
    this.#at += digits.length
    const size = Math.abs(Number(digits))
    if (size < TWO_TO_53) return
    if (size > TWO_TO_53 || !/^-?9007199254740992$/.test(digits)) this.#note('number-out-of-range')
  }

  #literal(word: string): void {
    if (!this.#text.startsWith(word, this.#at)) this.#stop('not-json')
    this.#at += word.length
  }

  /** Skips white space; the code unit that follows it, NaN at the end. */
  #space(): number {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at)
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return code
      this.#at++
    }
  }

  #note(kind: AmbiguityKind): void {
    const where = place(this.#where, ...this.#path.slice(0, this.#depth))
    const last = this.#ambiguities.at(-1)
    if (this.#ambiguities.length === MAX_AMBIGUITIES || (last?.kind === kind && last.where === where)) return
    this.#ambiguities.push({ kind, where })
  }

  #stop(kind: AmbiguityKind): never {
    this.#note(kind)
    throw STOP
  }
}
