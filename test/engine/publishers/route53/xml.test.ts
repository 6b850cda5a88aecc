import { describe, expect, it } from 'vitest'
import { escapeXml, readXml, textAt, within } from '../../../../src/engine/publishers/route53/xml.ts'

describe('XML as Route 53 speaks it', () => {
  it('reads elements, attributes, entities and empty elements', () => {
    const root = readXml(
      '\uFEFF<?xml version="1.0" encoding="UTF-8"?>\n<A xmlns="https://x/" b=\'c\'>\n  <B>one &amp; &quot;two&quot; &#955;&#x1F600;</B>\n  <B/>\n  <C><D>deep</D></C >\n</A>\n',
    )
    expect(within(root!, 'B').map(({ text }) => text)).toEqual(['one & "two" λ😀', ''])
    expect(textAt(root!, 'C', 'D')).toBe('deep')
    expect(textAt(root!, 'C', 'E')).toBeNull()
  })

  it('gives back what was escaped', () => {
    const text = `"a" <b> & 'c' \\ ]]> λ`
    expect(readXml(`<a>${escapeXml(text)}</a>`)?.text).toBe(text)
  })

  it.each([
    ['nothing', ''],
    ['text alone', 'hello'],
    ['two roots', '<a/><b/>'],
    ['text behind', '<a/>x'],
    ['text between elements', '<a>x<b/></a>'],
    ['an open end', '<a><b></b>'],
    ['a wrong end', '<a><b></a></b>'],
    ['an end without begin', '</a>'],
    ['an end that is empty', '<a></a/>'],
    ['a document type', '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'],
    ['an unknown entity', '<a>&b;</a>'],
    ['a bare ampersand', '<a>b & c</a>'],
    ['a character that is none', '<a>&#0;</a>'],
    ['half of a character', '<a>&#xD800;</a>'],
    ['a comment', '<a><!-- b --></a>'],
    ['CDATA', '<a><![CDATA[b]]></a>'],
    ['an instruction', '<a><?b c?></a>'],
    ['an attribute without value', '<a b></a>'],
    ['an attribute with a tag in it', '<a b="<c>"></a>'],
    ['too deep', `${'<a>'.repeat(40)}${'</a>'.repeat(40)}`],
  ])('refuses %s', (_what, text) => {
    expect(readXml(text)).toBeNull()
  })

  it('is done with hostile texts at once', () => {
    for (const text of [
      '<a '.repeat(100_000),
      `<a${' b=""'.repeat(50_000)}`,
      '&'.repeat(200_000),
      '<'.repeat(200_000),
    ])
      expect(readXml(`<r>${text}`)).toBeNull()
  })
})
