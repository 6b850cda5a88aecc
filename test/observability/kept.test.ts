import { expect, test, vi } from 'vitest'
import { kept } from '../../src/observability/kept.ts'

function asked(age: number) {
  const clock = { now: 0 }
  const pending: { resolve(answer: string): void; reject(error: Error): void }[] = []
  const ask = vi.fn(() => new Promise<string>((resolve, reject) => pending.push({ resolve, reject })))
  return { clock, pending, ask, question: kept(ask, age, () => clock.now) }
}

test('one answer serves all who ask while it is young, and all who wait', async () => {
  const { clock, pending, ask, question } = asked(15_000)
  const both = [question(), question()]
  pending[0]?.resolve('first')
  expect(await Promise.all(both)).toEqual(['first', 'first'])
  clock.now = 14_999
  expect(await question()).toBe('first')
  expect(ask).toHaveBeenCalledTimes(1)
  clock.now = 15_000
  const next = question()
  pending[1]?.resolve('second')
  expect(await next).toBe('second')
})

test('who asks is not held up: the last answer serves, until it is a minute old', async () => {
  vi.useFakeTimers()
  try {
    const { clock, pending, ask, question } = asked(0)
    const nothing = question()
    await vi.advanceTimersByTimeAsync(1000)
    expect(await nothing).toBeUndefined()
    pending[0]?.resolve('late')
    await vi.advanceTimersByTimeAsync(0)
    clock.now = 59_999
    const old = question()
    await vi.advanceTimersByTimeAsync(1000)
    expect(await old).toBe('late')
    clock.now = 60_000
    const older = question()
    await vi.advanceTimersByTimeAsync(1000)
    expect(await older).toBeUndefined()
    expect(ask).toHaveBeenCalledTimes(2)
  } finally {
    vi.useRealTimers()
  }
})

test('what failed is not shown, and asked again', async () => {
  const { pending, question } = asked(15_000)
  const first = question()
  pending[0]?.reject(new Error('the thread ended'))
  expect(await first).toBeUndefined()
  const second = question()
  pending[1]?.resolve('again')
  expect(await second).toBe('again')
})
