import { expect, it } from 'vitest'
import { diagnose } from '../../../src/audit/diagnosis/diagnose.ts'
import { fits, symptomOf, TEXT_FILES, textsOf } from './collected-texts.ts'
import { variationsOf } from './variations.ts'

const VARIATIONS = 30

it.each(TEXT_FILES)(`${VARIATIONS} variations of each text of %s keep their class`, (file) => {
  const wrong: string[] = []
  textsOf(file).forEach((text, index) => {
    const variations = variationsOf(text, VARIATIONS, index + 1)
    expect(variations).toHaveLength(VARIATIONS)
    for (const varied of variations) {
      const got = diagnose(symptomOf(varied))?.class ?? null
      if (!fits(text, got)) wrong.push(`${text.class} became ${got}: ${varied.type} ${varied.detail}`)
    }
  })
  expect(wrong).toEqual([])
})
