import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { CLASS_TEXTS } from '../../../src/audit/diagnosis/class-texts.ts'
import { DIAGNOSIS_CLASSES } from '../../../src/audit/diagnosis/classes.ts'
import { describe as describeClass } from '../../../src/audit/diagnosis/describe.ts'

const PAGE = readFileSync(new URL('../../../docs/failures.md', import.meta.url), 'utf8')
const SECTIONS = new Map(
  PAGE.split(/^### /m)
    .slice(1)
    .map((section) => [section.slice(0, section.indexOf('\n')), section.split(/^## /m)[0]!]),
)

describe('docs/failures.md', () => {
  it('has a section for each class, in their order, and no other', () => {
    expect([...SECTIONS.keys()]).toEqual([...DIAGNOSIS_CLASSES])
  })

  it.each(DIAGNOSIS_CLASSES)('%s says what the program says', (name) => {
    const section = SECTIONS.get(name)!.replaceAll('`', '')
    const { cause, remedy, fixer } = describeClass(name)
    expect(section).toMatch(/^\*Looks like\*: \S/m)
    expect(section).toContain(`*Cause*: ${cause}\n`)
    expect(section).toContain(`*Remedy*: ${remedy}\n`)
    expect(section).toContain(`(${fixer}).`)
    const { by, variants } = CLASS_TEXTS[name]
    for (const value of Object.keys(variants ?? {})) {
      const said = describeClass(name, { [by!]: value })
      expect(section).toContain(`- ${by} ${value}: ${said.cause} ${said.remedy}\n`)
    }
  })

  it('hides no placeholder as markup', () => {
    expect(PAGE.replace(/`[^`\n]*`/g, '')).not.toMatch(/<\w+>/)
  })
})
