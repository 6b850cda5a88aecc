import type { OutgoingLine } from './output.ts'

export interface SyslogOrigin {
  /** RFC 5424 §6.2.1: 0 to 23. */
  readonly facility: number
  /** Printable ASCII without spaces; other characters are replaced. */
  readonly host: string
  readonly pid: number
}

/**
 * RFC 5424 §6, without structured data. The message is ASCII (JSON's escapes stand for the rest), so that it needs no
 * byte order mark, at which many parsers of JSON stop.
 */
export function syslogMessage(
  { text, at, severity }: OutgoingLine,
  { facility, host, pid }: SyslogOrigin,
): Buffer {
  return Buffer.from(`${header(at, facility * 8 + severity, host, pid)}${ascii(text)}`, 'latin1')
}

/** As {@link syslogMessage}, in at most `max` bytes: what is too long is shortened, and marked where it was. */
export function boundedSyslogMessage(line: OutgoingLine, origin: SyslogOrigin, max: number): Buffer {
  const whole = syslogMessage(line, origin)
  if (whole.length <= max) return whole
  const room = max - (whole.length - ascii(line.text).length)
  return syslogMessage({ ...line, text: shortened(line.text, room) }, origin)
}

/** RFC 6587 §3.4.1, RFC 5425 §4.3: each message behind its length in bytes. */
export function framed(messages: readonly Buffer[]): Buffer {
  return Buffer.concat(messages.flatMap((message) => [Buffer.from(`${message.length} `), message]))
}

function header(at: number, priority: number, host: string, pid: number): string {
  const time = new Date(Math.floor(at / 1000)).toISOString().slice(0, 23)
  const micros = String(Math.floor(at % 1000)).padStart(3, '0')
  const name = host.replace(/[^\x21-\x7e]/g, '-').slice(0, 255) || '-'
  return `<${priority}>1 ${time}${micros}Z ${name} acmetap ${pid} exchange - `
}

function ascii(text: string): string {
  return text.replace(/[^\0-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

const MARK = '… [cut]'
const WORTH_CUTTING = 32

/** JSON text of at most `room` ASCII characters: its longest values give way first, each to a mark. */
function shortened(text: string, room: number): string {
  const line = JSON.parse(text) as Record<string, unknown>
  let short = ascii(text)
  while (short.length > room) {
    const longest = longestValue(line)
    if (longest === null) return ascii(JSON.stringify({ cut: MARK })).slice(0, Math.max(0, room))
    longest.holder[longest.name] = MARK
    short = ascii(JSON.stringify(line))
  }
  return short
}

interface Place {
  readonly holder: Record<string, unknown>
  readonly name: string
  readonly size: number
}

/** The longest string or list; an object only by its members, so that the line keeps its shape. */
function longestValue(holder: Record<string, unknown>): Place | null {
  let longest: Place | null = null
  for (const [name, value] of Object.entries(holder)) {
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    const found: Place | null = isObject
      ? longestValue(value as Record<string, unknown>)
      : { holder, name, size: ascii(JSON.stringify(value)).length }
    if (found && found.size > WORTH_CUTTING && found.size > (longest?.size ?? 0)) longest = found
  }
  return longest
}
