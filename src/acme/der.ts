/**
 * A strict, small reader of DER (X.690 §10): enough for certificates and requests. Throws {@link DerError} for what is
 * cut short, indefinite or not minimal in its length; reads no deeper than it is asked to.
 */

export class DerError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'DerError'
  }
}

export interface Element {
  /** The identifier octet: class, constructed bit and number. Numbers above 30 are refused: X.509 has none. */
  readonly tag: number
  /** Tag and length included. */
  readonly whole: Buffer
  readonly content: Buffer
}

export const SEQUENCE = 0x30
export const SET = 0x31
export const INTEGER = 0x02
export const BIT_STRING = 0x03
export const OCTET_STRING = 0x04
export const OBJECT_IDENTIFIER = 0x06

/** The one element that these bytes are. */
export function readOne(bytes: Buffer): Element {
  const element = elementAt(bytes, 0)
  if (element.whole.length !== bytes.length) throw new DerError('bytes after the element')
  return element
}

/** The element these bytes begin with, whatever follows it. */
export function readFirst(bytes: Buffer): Element {
  return elementAt(bytes, 0)
}

/** The elements of these bytes, one behind the other. */
export function readAll(bytes: Buffer): Element[] {
  const elements: Element[] = []
  let at = 0
  while (at < bytes.length) {
    const element = elementAt(bytes, at)
    elements.push(element)
    at += element.whole.length
  }
  return elements
}

/** The elements inside one of this tag. */
export function inside(element: Element | undefined, tag: number): Element[] {
  return readAll(contentOf(element, tag))
}

export function contentOf(element: Element | undefined, tag: number): Buffer {
  if (element?.tag !== tag) throw new DerError(`no element of tag ${tag}`)
  return element.content
}

/** Dotted. */
export function oidOf(element: Element | undefined): string {
  const bytes = contentOf(element, OBJECT_IDENTIFIER)
  const arcs: number[] = []
  let arc = 0
  for (const byte of bytes) {
    arc = arc * 128 + (byte & 0x7f)
    if (arc > Number.MAX_SAFE_INTEGER / 128) throw new DerError('an arc of an object identifier is too large')
    if (byte & 0x80) continue
    arcs.push(arc)
    arc = 0
  }
  const [first = 0, ...rest] = arcs
  const root = Math.min(2, Math.floor(first / 40))
  return [root, first - root * 40, ...rest].join('.')
}

function elementAt(bytes: Buffer, at: number): Element {
  const tag = bytes[at]
  const first = bytes[at + 1]
  if (tag === undefined || first === undefined) throw new DerError('cut short')
  if ((tag & 0x1f) === 0x1f) throw new DerError('a tag number above 30')
  let length = first
  let start = at + 2
  if (first & 0x80) {
    const count = first & 0x7f
    if (count === 0 || count > 4) throw new DerError('a length that is indefinite or too large')
    if (start + count > bytes.length) throw new DerError('cut short')
    length = bytes.readUIntBE(start, count)
    if (length < 0x80 || length < 2 ** (8 * (count - 1))) throw new DerError('a length that is not minimal')
    start += count
  }
  const end = start + length
  if (end > bytes.length) throw new DerError('cut short')
  return { tag, whole: bytes.subarray(at, end), content: bytes.subarray(start, end) }
}
