import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseLinks } from '../../src/acme/link-headers.ts'

describe('parseLinks (RFC 8288 §3)', () => {
  const pebble = ['<https://localhost:14000/dir>;rel="index"', '<https://localhost:14000/authZ/1>;rel="up"']
  const both = [
    { uri: 'https://localhost:14000/dir', rel: ['index'] },
    { uri: 'https://localhost:14000/authZ/1', rel: ['up'] },
  ]

  test('several lines and one joined line say the same', () => {
    expect(parseLinks(pebble)).toEqual(both)
    expect(parseLinks([pebble.join(', ')])).toEqual(both)
    expect(parseLinks([pebble.join(',')])).toEqual(both)
  })

  test.each([
    ['</rel/ative>;rel=next', [{ uri: '/rel/ative', rel: ['next'] }]],
    ['<a>', [{ uri: 'a', rel: [] }]],
    ['<a> ; REL = "Up  alternate" ; title="x, <y>; rel=\\"z\\""', [{ uri: 'a', rel: ['up', 'alternate'] }]],
    ['<a>; rel="first"; rel="second"', [{ uri: 'a', rel: ['first'] }]],
    ['<a,b;c>;rel="up"', [{ uri: 'a,b;c', rel: ['up'] }]],
    ['<a>;rel="up";anchor="/other", <b>;rel="up"', [{ uri: 'b', rel: ['up'] }]],
    ['<a>;title="no end', [{ uri: 'a', rel: [] }]],
    ['<a>;rel="up" junk, <b>;rel="up"', [{ uri: 'b', rel: ['up'] }]],
    ['junk, <b>;rel="up"', [{ uri: 'b', rel: ['up'] }]],
    ['"quoted, <x>;rel=up", <b>;rel="up"', [{ uri: 'b', rel: ['up'] }]],
    [',, ,<b>;;rel="up";', [{ uri: 'b', rel: ['up'] }]],
    ['<>;rel="up"', []],
    ['<never closed;rel="up"', []],
    ['', []],
    [`<${'x'.repeat(2049)}>;rel="up", <b>;rel="up"`, [{ uri: 'b', rel: ['up'] }]],
  ])('%j', (value, links) => {
    expect(parseLinks([value])).toEqual(links)
  })

  test('keeps the URI byte for byte', () => {
    const uri = 'https://CA.test:443/A%2f../b?x=<y'
    expect(parseLinks([`<${uri}>;rel="alternate"`])).toEqual([{ uri, rel: ['alternate'] }])
  })

  test('is bounded', () => {
    expect(parseLinks([Array.from({ length: 5000 }, () => '<a>').join(',')])).toHaveLength(1000)
  })

  test('reads back what it is given, and never throws', () => {
    const uri = fc.webUrl({ withQueryParameters: true }).filter((text) => !/[<>]/.test(text))
    const link = fc.record({
      uri,
      rel: fc.array(fc.stringMatching(/^[a-z][a-z0-9.-]{0,9}$/), { maxLength: 3 }),
    })
    fc.assert(
      fc.property(fc.array(link), fc.string(), (links, title) => {
        const quoted = title.replace(/[\\"]/g, '\\$&')
        const written = links.map(({ uri, rel }) => `<${uri}>; title="${quoted}"; rel="${rel.join(' ')}"`)
        expect(parseLinks(written)).toEqual(links)
        expect(parseLinks([written.join(', ')])).toEqual(links)
      }),
    )
    fc.assert(
      fc.property(fc.array(fc.string({ unit: fc.constantFrom(...'<>;,="\\ arel') })), (values) => {
        for (const { uri } of parseLinks(values))
          expect(values.some((value) => value.includes(uri))).toBe(true)
      }),
      { numRuns: 2000 },
    )
  })
})
