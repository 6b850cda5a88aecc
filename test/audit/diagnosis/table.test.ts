import { describe, expect, it } from 'vitest'
import { CLASS_TEXTS } from '../../../src/audit/diagnosis/class-texts.ts'
import { DIAGNOSIS_CLASSES, FIXERS } from '../../../src/audit/diagnosis/classes.ts'
import { VALIDATION_FIRST } from '../../../src/audit/diagnosis/match.ts'
import { MAX_TEXT, normalise } from '../../../src/audit/diagnosis/normalise.ts'

const SOURCES = VALIDATION_FIRST.map(({ pattern }) => pattern.source)

/** A source without escapes and character classes, so that brackets and quantifiers in it are just that. */
function skeleton(source: string): string {
  return source
    .replace(/\\./g, 'x')
    .replace(/\[\^?\]?[^\]]*\]/g, 'x')
    .replace(/\(\?(?::|<?[=!]|<\w+>)/g, '(')
}

/** The longest chains of tries from one start: the product of the bounds, a group counted with what is in it. */
function tries(source: string): number {
  let product = 1
  for (const [, bound] of skeleton(source).matchAll(/\{\d+,(\d+)\}/g)) product *= Number(bound)
  return product
}

describe('patterns', () => {
  it('have no quantifier without a bound', () => {
    for (const source of SOURCES) expect(skeleton(source), source).not.toMatch(/[*+]|\{\d+,\}/)
  })

  it('have no group that is repeated', () => {
    for (const source of SOURCES) expect(skeleton(source), source).not.toMatch(/\)(?:\{|[*+])/)
  })

  it('begin with no gap, so that a try ends where its first word is missing', () => {
    for (const source of SOURCES) expect(skeleton(source), source).not.toMatch(/^\(*(?:\.|x\{)/)
  })

  it('are tried in bounded steps on the longest text', () => {
    for (const source of SOURCES) expect(tries(source), source).toBeLessThanOrEqual(1e9)
  })

  it('hold no escape in upper case and no back reference, for they are matched in lower case first', () => {
    for (const source of SOURCES) expect(source).not.toMatch(/\\[A-Z1-9k]/)
  })

  it('see at most 4 KiB of 100 kB of anything', () => {
    for (const evil of ['a', ' ', '"', '\\', ':', '1.', 'x :: ', 'http://', '1.2.3.4: ', 'dial tcp '])
      expect(normalise(evil.repeat(100_000 / evil.length)).text.length).toBeLessThanOrEqual(MAX_TEXT)
  })
})

describe('texts of the classes', () => {
  it('are there for each class, and for no other', () => {
    expect(Object.keys(CLASS_TEXTS).sort()).toEqual([...DIAGNOSIS_CLASSES].sort())
  })

  it.each(DIAGNOSIS_CLASSES)('%s: sentences with somebody who can mend it', (name) => {
    const { cause, remedy, fixer, variants, by } = CLASS_TEXTS[name]
    expect(FIXERS).toContain(fixer)
    expect(variants === undefined).toBe(by === undefined)
    const said = [cause, remedy, ...Object.values(variants ?? {}).flatMap((v) => [v.cause, v.remedy])]
    for (const text of said.filter((one) => one !== undefined)) expect(text).toMatch(/^[A-Za-z].{4,300}\.$/)
  })

  it('are the classes of all rows', () => {
    for (const row of VALIDATION_FIRST) expect(DIAGNOSIS_CLASSES).toContain(row.class)
  })
})
