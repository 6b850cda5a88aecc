import { boundedLine, redactText } from '../redaction.ts'
import { CLASS_TEXTS } from './class-texts.ts'
import type { DiagnosisClass } from './classes.ts'
import type { Diagnosis } from './diagnosis.ts'

const MAX_MEMBERS = 16
const MAX_LENGTH = 300

/** The whole diagnosis from what is kept of one: its class and its details. */
export function describe(name: DiagnosisClass, details: Readonly<Record<string, string>> = {}): Diagnosis {
  const text = CLASS_TEXTS[name]
  const said = text.by === undefined ? undefined : details[text.by]
  const variant =
    said !== undefined && text.variants && Object.hasOwn(text.variants, said)
      ? text.variants[said]
      : undefined
  return {
    class: name,
    cause: fill(variant?.cause ?? text.cause, details),
    remedy: fill(variant?.remedy ?? text.remedy, details),
    fixer: variant?.fixer ?? text.fixer,
    details: { ...details },
  }
}

/** At most 16 details of at most 300 characters in one line, without credentials. */
export function boundedDetails(
  details: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const bounded: Record<string, string> = {}
  let members = 0
  for (const [name, value] of Object.entries(details)) {
    if (value === undefined || value === '' || members >= MAX_MEMBERS) continue
    bounded[name] = boundedLine(redactText(value), MAX_LENGTH)
    members += 1
  }
  return bounded
}

function fill(template: string, details: Readonly<Record<string, string>>): string {
  const value = (name: string) => (Object.hasOwn(details, name) ? details[name] : undefined)
  return template
    .replace(/\[([^\]]*)\]/g, (_, part: string) => {
      const names = [...part.matchAll(/\{(\w+)\}/g)].map((match) => match[1]!)
      return names.every((name) => value(name) !== undefined) ? part : ''
    })
    .replace(/\{(\w+)\}/g, (_, name: string) => value(name) ?? name)
}
