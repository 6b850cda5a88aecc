import { readFileSync } from 'node:fs'
import type { Symptom } from '../../../src/audit/diagnosis/diagnosis.ts'

/** A text of a CA with what it must be diagnosed as. */
export interface CollectedText {
  /** Null: nothing is wrong. */
  readonly class: string | null
  /** Classes that say the same of this text. */
  readonly also?: readonly string[]
  /** A short name, or a whole URN. */
  readonly type: string
  readonly detail: string
  readonly operation: string
  readonly challengeType: string | null
  readonly status: number
  readonly wildcard?: boolean
  readonly details?: Readonly<Record<string, string>>
  /** Repository and path, or thread. */
  readonly from?: string
}

export const TEXT_FILES = ['boulder', 'pebble', 'collected', 'held-back'] as const

export function textsOf(file: (typeof TEXT_FILES)[number]): readonly CollectedText[] {
  const path = new URL(`texts/${file}.json`, import.meta.url)
  return (JSON.parse(readFileSync(path, 'utf8')) as { texts: CollectedText[] }).texts
}

export function symptomOf(text: CollectedText, changed: Partial<Symptom> = {}): Symptom {
  const type = text.type.includes(':') ? text.type : `urn:ietf:params:acme:error:${text.type}`
  return {
    outcome: 'response',
    operation: text.operation,
    status: text.status,
    problem: { type, detail: text.detail },
    challengeType: text.challengeType,
    wildcard: text.wildcard ?? false,
    failure: null,
    rule: null,
    isPolicy: false,
    ...changed,
  }
}

export function fits(text: CollectedText, got: string | null): boolean {
  return got === text.class || (got !== null && (text.also ?? []).includes(got))
}
