import type { TimeCondition } from '../document.ts'
import type { PolicyFacts } from '../facts.ts'
import { COST, listed, ofRequest, type Part, type Slots } from './condition.ts'

export function time(slots: Slots, condition: TimeCondition, clock: ZoneClock): Part {
  const { from, until } = condition
  const test = ({ at }: PolicyFacts) => {
    if (from !== undefined && at < from) return false
    if (until !== undefined && at >= until) return false
    return isWithin(condition, clock, at)
  }
  const edges = [from, until].filter((edge) => edge !== undefined)
  return ofRequest(slots, 'request', textOf(condition), test, COST.request, { by: 'time', edges })
}

function isWithin({ days, hours }: TimeCondition, clock: ZoneClock, at: number): boolean {
  if (days === undefined && hours === undefined) return true
  const { day, minute } = clock.local(at)
  const isDay = (one: number) => days?.includes(one) ?? true
  if (hours === undefined) return isDay(day)
  if (hours.from < hours.until) return minute >= hours.from && minute < hours.until && isDay(day)
  if (minute >= hours.from) return isDay(day)
  return minute < hours.until && isDay(day === 1 ? 7 : day - 1)
}

function textOf({ from, until, days, hours, zone }: TimeCondition): string {
  const parts = [
    from === undefined ? null : `from ${new Date(from).toISOString()}`,
    until === undefined ? null : `until ${new Date(until).toISOString()}`,
    days === undefined ? null : listed(days.map((day) => DAYS[day - 1] ?? String(day))),
    hours === undefined ? null : `${clockText(hours.from)}-${clockText(hours.until)}`,
    days === undefined && hours === undefined ? null : zone,
  ]
  return `time: ${parts.filter((part) => part !== null).join(' ')}`
}

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']

function clockText(minutes: number): string {
  const two = (value: number) => String(value).padStart(2, '0')
  return `${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`
}

/** Day (1 Monday … 7 Sunday) and minute of the day in one time zone. */
export class ZoneClock {
  readonly #format: Intl.DateTimeFormat
  #quarter = Number.NaN
  #day = 1
  #minute = 0

  /** Throws a RangeError for a zone that is none. */
  constructor(zone: string) {
    this.#format = new Intl.DateTimeFormat('en-GB', {
      timeZone: zone,
      weekday: 'short',
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
    })
  }

  /** Clocks change at full quarters of an hour, so what was worked out for one holds all through it. */
  local(at: number): { readonly day: number; readonly minute: number } {
    const quarter = Math.floor(at / QUARTER)
    if (quarter !== this.#quarter) this.#read(quarter)
    return { day: this.#day, minute: this.#minute + Math.floor((at - quarter * QUARTER) / 60_000) }
  }

  #read(quarter: number): void {
    const parts = this.#format.formatToParts(quarter * QUARTER)
    const of = (type: string) => parts.find((part) => part.type === type)?.value ?? ''
    this.#day = DAYS.indexOf(of('weekday').toLowerCase()) + 1
    this.#minute = Number(of('hour')) * 60 + Number(of('minute'))
    this.#quarter = quarter
  }
}

const QUARTER = 900_000
