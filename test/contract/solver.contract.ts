import { hash } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { EngineError } from '../../src/engine/engine-error.ts'
import type { Attempt, ChallengeType, Solver, SolverContext } from '../../src/engine/solver.ts'

/** A place where one kind of solver presents answers, and what a CA would see there. */
export interface SolverWorld {
  /** Another instance over the same place, as another process would have it. */
  make(): Promise<Solver> | Solver
  /** Whether a CA would be satisfied now. Only what is presented for this attempt counts. */
  sees(attempt: Attempt): Promise<boolean>
  /** One that cannot present: the place is out of order. */
  broken(): Promise<Solver> | Solver
  close(): Promise<void>
}

export interface SolverTraits {
  /** The answer is always there: nothing is presented, nothing can be taken away. */
  readonly static?: boolean
  /** It is gone with the process that presented it. */
  readonly volatile?: boolean
  /** A name and its wildcard can be asked for at the same time. */
  readonly wildcards?: boolean
}

export const THUMBPRINT = hash('sha256', 'a key', 'base64url')

export function attemptFor(
  value: string,
  type: ChallengeType = 'http-01',
  more: Partial<Attempt> & { readonly seed?: string } = {},
): Attempt {
  const { seed = '', ...rest } = more
  const token = hash('sha256', `${type} ${value} ${seed}`, 'base64url')
  return {
    identifier: { type: 'dns', value },
    wildcard: false,
    type,
    url: `https://ca.test/chall/${token}`,
    token,
    keyAuthorization: `${token}.${THUMBPRINT}`,
    accountUrl: 'https://ca.test/acct/1',
    issuerDomainNames: [],
    ...rest,
  }
}

export function context(signal = new AbortController().signal): SolverContext & { readonly told: string[] } {
  const told: string[] = []
  return { signal, told, progress: (text) => told.push(text) }
}

/** The names asked for are `a.solver.test` and `b.solver.test`. */
export function solverContract(
  title: string,
  type: ChallengeType,
  open: () => Promise<SolverWorld>,
  traits: SolverTraits = {},
): void {
  describe(`${title}: a solver`, () => {
    let world: SolverWorld
    const made: Solver[] = []
    const solver = async () => {
      const one = await world.make()
      made.push(one)
      return one
    }
    const present = async (by: Solver, attempt: Attempt) => {
      await by.present(attempt, context())
      await by.ready?.(attempt, context())
    }
    beforeEach(async () => {
      world = await open()
    })
    afterEach(async () => {
      for (const one of made.splice(0)) await one.close?.()
      await world.close()
    })
    const first = attemptFor('a.solver.test', type)
    const second = attemptFor('b.solver.test', type)

    it('says its name and what it answers', async () => {
      const one = await solver()
      expect(one.types).toContain(type)
      expect(one.name).toMatch(/^[a-z][a-z0-9-]*$/)
    })

    it('makes the answer visible, and says so in one line', async () => {
      const one = await solver()
      if (traits.static !== true) expect(await world.sees(first)).toBe(false)
      const told = context()
      await one.present(first, told)
      await one.ready?.(first, told)
      expect(await world.sees(first)).toBe(true)
      for (const text of told.told) expect(text).toMatch(/^[^\r\n]+$/)
      expect(told.told.length).toBeGreaterThan(0)
    })

    it('does no harm when it presents twice', async () => {
      const one = await solver()
      await present(one, first)
      await present(one, first)
      expect(await world.sees(first)).toBe(true)
      await one.cleanUp(first, context())
      if (traits.static !== true) expect(await world.sees(first)).toBe(false)
    })

    it('answers for two names at once, and takes away only its own', async () => {
      const one = await solver()
      await Promise.all([present(one, first), present(one, second)])
      expect(await world.sees(first)).toBe(true)
      expect(await world.sees(second)).toBe(true)
      await one.cleanUp(first, context())
      expect(await world.sees(second)).toBe(true)
      if (traits.static === true) return
      expect(await world.sees(first)).toBe(false)
      await one.cleanUp(second, context())
      expect(await world.sees(second)).toBe(false)
    })

    it('keeps many apart that come and go at the same time', async () => {
      const one = await solver()
      const attempts = Array.from({ length: 6 }, (_, at) =>
        attemptFor('a.solver.test', type, { seed: `${at}` }),
      )
      await Promise.all(
        attempts.map(async (attempt, at) => {
          await one.present(attempt, context())
          if (at % 2 === 1) await one.cleanUp(attempt, context())
        }),
      )
      if (type === 'tls-alpn-01') return
      for (const [at, attempt] of attempts.entries())
        expect(await world.sees(attempt), `attempt ${at}`).toBe(at % 2 === 0 || traits.static === true)
    })

    const withWildcard = async () => {
      const one = await solver()
      const wildcard = attemptFor('a.solver.test', type, { wildcard: true, seed: 'wildcard' })
      await Promise.all([present(one, first), present(one, wildcard)])
      expect(await world.sees(first)).toBe(true)
      expect(await world.sees(wildcard)).toBe(true)
      await one.cleanUp(wildcard, context())
      expect(await world.sees(wildcard)).toBe(false)
      expect(await world.sees(first)).toBe(true)
    }
    if (traits.wildcards === true) it('answers for a name and its wildcard at once', withWildcard)

    it('resolves when there is nothing to take away, and when it is taken away twice', async () => {
      const one = await solver()
      await one.cleanUp(first, context())
      await present(one, first)
      await one.cleanUp(first, context())
      await one.cleanUp(first, context())
      if (traits.static !== true) expect(await world.sees(first)).toBe(false)
    })

    it('takes away what a process left behind that is no more', async () => {
      await present(await solver(), first)
      if (traits.volatile === true) await made[0]?.close?.()
      const other = await solver()
      await other.cleanUp(first, context())
      if (traits.static !== true) expect(await world.sees(first)).toBe(false)
    })

    it('presents nothing once it was stopped', async () => {
      const one = await solver()
      const error = await one.present(first, context(AbortSignal.abort())).then(() => null, String)
      expect(error).toMatch(/stopped/)
      if (traits.static !== true) expect(await world.sees(first)).toBe(false)
    })

    it('says what could not be done, where and what to do', async () => {
      const one = await world.broken()
      made.push(one)
      const error: unknown = await present(one, first).then(
        () => null,
        (reason: unknown) => reason,
      )
      expect(error).toBeInstanceOf(EngineError)
      const { fault, message } = error as EngineError
      expect(fault).toBe('solver')
      expect(message).toMatch(new RegExp(`^solver ${one.name}[ :][^\\r\\n]+$`))
      expect(message).not.toContain(first.keyAuthorization)
    })
  })
}
