import { expect, it } from 'vitest'
import { staticLines } from '../../../src/engine/solvers/static-lines.ts'

it('takes nothing but a thumbprint into lines', () => {
  expect(() => staticLines('"; } evil { "')).toThrow(/thumbprint/)
})
