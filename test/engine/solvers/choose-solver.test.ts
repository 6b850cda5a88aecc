import { describe, expect, it } from 'vitest'
import { EngineError } from '../../../src/engine/engine-error.ts'
import type { ChallengeType, Solver } from '../../../src/engine/solver.ts'
import { chooseSolver } from '../../../src/engine/solvers/choose-solver.ts'

const solver = (name: string, ...types: ChallengeType[]): Solver => ({
  name,
  types,
  present: async () => undefined,
  cleanUp: async () => undefined,
})
const web = solver('web', 'http-01')
const tls = solver('tls', 'tls-alpn-01')
const dns = solver('dns', 'dns-01')
const persist = solver('persist', 'dns-persist-01')
const dnsName = (value: string) => ({ type: 'dns', value })
const ALL = ['http-01', 'dns-01', 'tls-alpn-01'] as const

describe('the solver for a name', () => {
  it('is the first that can, where no pattern fits', () => {
    const choose = chooseSolver([web, dns], [{ names: ['.other.test'], solver: 'dns' }])
    expect(choose(dnsName('www.example.test'), false, ALL, null)).toEqual({ solver: web, type: 'http-01' })
    expect(choose(dnsName('example.test'), true, ALL, null)).toEqual({ solver: dns, type: 'dns-01' })
    expect(choose(dnsName('www.example.test'), false, ['dns-01'], null)).toEqual({
      solver: dns,
      type: 'dns-01',
    })
  })

  it('is that of the first pattern that fits and whose solver can', () => {
    const choose = chooseSolver(
      [web, tls, dns],
      [
        { names: ['secure.example.test'], solver: 'tls' },
        { names: ['.example.test'], solver: 'web' },
        { names: ['*.example.test', '**.example.test'], solver: 'dns' },
      ],
    )
    expect(choose(dnsName('secure.example.test'), false, ALL, null).solver).toBe(tls)
    expect(choose(dnsName('secure.example.test'), false, ['http-01', 'dns-01'], null).solver).toBe(web)
    expect(choose(dnsName('www.example.test'), false, ALL, null).solver).toBe(web)
    expect(choose(dnsName('example.test'), true, ALL, null).solver).toBe(dns)
  })

  it('is no other where a pattern fits and its solver cannot', () => {
    const choose = chooseSolver([dns, web], [{ names: ['.example.test'], solver: 'web' }])
    expect(() => choose(dnsName('example.test'), true, ALL, null)).toThrow(
      'no solver can answer for *.example.test: web answers http-01, which is not for wildcards. Add a solver for dns-01 to engine.solvers, or name one in engine.challenges',
    )
  })

  it('is the one that is wanted, or none', () => {
    const choose = chooseSolver([web, dns, persist], [{ names: ['**'], solver: 'web' }])
    expect(choose(dnsName('a.test'), false, ALL, 'dns').solver).toBe(dns)
    expect(() => choose(dnsName('a.test'), false, ALL, 'other')).toThrow(
      'there is no solver other: engine.solvers has web, dns, persist',
    )
    expect(() => choose(dnsName('a.test'), false, ALL, 'persist')).toThrow(
      /persist answers dns-persist-01, which the CA does not offer here/,
    )
    expect(choose(dnsName('a.test'), true, ['dns-persist-01'], 'persist').type).toBe('dns-persist-01')
  })

  it('answers for addresses without DNS (RFC 8738 §7), and by no pattern of names', () => {
    const choose = chooseSolver([dns, tls, web], [{ names: ['**'], solver: 'dns' }])
    for (const value of ['192.0.2.1', '2001:db8::1'])
      expect(choose({ type: 'ip', value }, false, ALL, null).solver).toBe(tls)
    expect(() => choose({ type: 'ip', value: '192.0.2.1' }, false, ['dns-01'], null)).toThrow(
      /dns-01, which is not for addresses \(RFC 8738 §7\).*The CA offers dns-01 for it/,
    )
  })

  it('says that there is none, as input that cannot be worked with', () => {
    const choose = chooseSolver([], [])
    const error = (() => {
      try {
        return choose(dnsName('a.test'), true, ALL, null)
      } catch (thrown) {
        return thrown
      }
    })()
    expect(error).toBeInstanceOf(EngineError)
    expect(error).toMatchObject({ fault: 'input', identifier: '*.a.test' })
    expect(String(error)).toContain('engine.solvers is empty')
  })

  it('reads patterns as policies do', () => {
    expect(() => chooseSolver([web], [{ names: ['*'], solver: 'web' }])).toThrow(
      /engine\.challenges: .*two ways/,
    )
  })
})
