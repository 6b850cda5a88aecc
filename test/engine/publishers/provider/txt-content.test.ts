import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { piecesOf, quoteTxt, readTxt } from '../../../../src/engine/publishers/provider/txt-content.ts'

describe('contents of TXT records', () => {
  it.each([
    ['plain', 'plain'],
    ['"quoted"', 'quoted'],
    ['"in" "pieces"', 'inpieces'],
    ['"with \\"quotes\\" and \\\\"', 'with "quotes" and \\'],
    ['"by \\110umber"', 'by number'],
    ['', ''],
    ['""', ''],
  ])('reads %s', (content, value) => {
    expect(readTxt(content)).toBe(value)
  })

  it('gives back what was quoted, in pieces that fit', () => {
    fc.assert(
      fc.property(
        fc.string({
          unit: fc.integer({ min: 32, max: 126 }).map((code) => String.fromCharCode(code)),
          maxLength: 700,
        }),
        (value) => {
          expect(readTxt(quoteTxt(value))).toBe(value)
          for (const piece of piecesOf(quoteTxt(value))) expect(piece.length).toBeLessThanOrEqual(255)
        },
      ),
    )
  })
})
