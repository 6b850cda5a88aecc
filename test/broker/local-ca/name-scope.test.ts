import { describe, expect, test } from 'vitest'
import {
  encodeSubtrees,
  isWithin,
  NameScope,
  readConstraints,
} from '../../../src/broker/local-ca/name-scope.ts'
import { isFault, normalise } from '../../../src/policy/names/normalise.ts'

const scopeOf = (names: string[], networks: string[] = []) => new NameScope(names, networks)

describe('patterns as subtrees', () => {
  test.each([
    ['.a.example', 'a.example', true],
    ['a.example', 'a.example', false],
    ['*.a.example', 'a.example', false],
    ['**.a.example', 'a.example', false],
    ['**{2}.a.example', 'a.example', false],
    ['www.*.example', 'example', false],
  ])('%s is %s and all below it; that is all it says: %s', (pattern, base, exact) => {
    const { subtrees, notExpressed } = scopeOf([pattern])
    expect(subtrees.dns).toEqual([base])
    expect(notExpressed).toEqual(exact ? [] : [`${pattern}: ${base} and everything below it`])
  })

  test('what another one covers is left out', () => {
    expect(scopeOf(['.a.example', 'b.a.example', 'xa.example']).subtrees.dns).toEqual([
      'a.example',
      'xa.example',
    ])
  })

  test('every name is no constraint at all', () => {
    const { subtrees, notExpressed } = scopeOf(['**', '.a.example'])
    expect(subtrees.dns).toBeNull()
    expect(notExpressed).toEqual(['**: every name, for no constraint can say it'])
  })

  test('what is no pattern or network is refused', () => {
    expect(() => scopeOf(['a*.example'])).toThrow(/names: .*within a label/)
    expect(() => scopeOf(['a.example'], ['10.0.0.1/8'])).toThrow(/networks: .*beyond its prefix/)
  })
})

describe('constraints', () => {
  const constraints = (names: string[], networks: string[] = []) =>
    readConstraints(encodeSubtrees(scopeOf(names, networks).subtrees))
  const within = (names: string[], networks: string[], type: string, value: string) => {
    const name = normalise({ type, value })
    if (isFault(name)) throw new Error(name.fault)
    return isWithin(constraints(names, networks), name)
  }

  test.each([
    ['dns', 'a.example', true],
    ['dns', 'x.y.a.example', true],
    ['dns', '*.a.example', true],
    ['dns', 'xa.example', false],
    ['dns', 'example', false],
    ['ip', '10.255.0.1', true],
    ['ip', '11.0.0.0', false],
    ['ip', '2001:db8::1', true],
    ['ip', '2001:db9::1', false],
    ['ip', '192.0.2.128', true],
    ['ip', '192.0.2.129', false],
  ])('%s %s: %s', (type, value, expected) => {
    expect(within(['.a.example'], ['10.0.0.0/8', '2001:db8::/33', '192.0.2.128'], type, value)).toBe(expected)
  })

  test('an odd prefix ends where it ends', () => {
    expect(within(['a.example'], ['172.16.0.0/12'], 'ip', '172.31.255.255')).toBe(true)
    expect(within(['a.example'], ['172.16.0.0/12'], 'ip', '172.32.0.0')).toBe(false)
    expect(within(['a.example'], ['2001:db8::/33'], 'ip', '2001:db8:8000::1')).toBe(false)
  })

  test('addresses are closed where no network is named, and the other family where one is', () => {
    expect(within(['a.example'], [], 'ip', '10.0.0.1')).toBe(false)
    expect(within(['a.example'], [], 'ip', '::1')).toBe(false)
    expect(within(['a.example'], ['10.0.0.0/8'], 'ip', '::1')).toBe(false)
  })

  test('samples are covered by what they are samples of', () => {
    const scope = scopeOf(
      ['.a.example', '*.b.example', '**{1}.c.example', 'www.*.d.example'],
      ['10.0.0.0/9', '2001:db8::/33'],
    )
    for (const sample of scope.samples) expect(scope.refusal(sample), sample.value).toBeNull()
    expect(scope.samples.map(({ value }) => value)).toEqual(
      expect.arrayContaining([
        '10.0.0.0',
        '10.127.255.255',
        '2001:db8::',
        '2001:db8:7fff:ffff:ffff:ffff:ffff:ffff',
      ]),
    )
  })
})
