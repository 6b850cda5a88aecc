import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LruMap } from '../../src/exchange/lru-map.ts'

test('the entries used last are there, and no more than the capacity', () => {
  const use = fc.record({ key: fc.nat(30), write: fc.boolean() })
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 20 }), fc.array(use, { maxLength: 200 }), (capacity, uses) => {
      const map = new LruMap<number, string>(capacity)
      const truth = new Map<number, string>()
      let recent: number[] = []
      for (const [index, { key, write }] of uses.entries()) {
        const due = recent.slice(0, Math.floor(capacity / 2)).includes(key)
        if (write) {
          map.set(key, `${index}`)
          truth.set(key, `${index}`)
        } else {
          const found = map.get(key)
          if (due) expect(found).toBe(truth.get(key))
          else expect([undefined, truth.get(key)]).toContain(found)
          if (found === undefined) continue
        }
        recent = [key, ...recent.filter((other) => other !== key)]
        expect(map.size).toBeLessThanOrEqual(capacity)
      }
    }),
  )
})

test('a forgotten entry is gone from both generations', () => {
  const map = new LruMap<string, number>(4)
  map.set('a', 1)
  map.set('b', 2)
  map.set('c', 3)
  map.delete('a')
  map.delete('c')
  expect([map.get('a'), map.get('b'), map.get('c')]).toEqual([undefined, 2, undefined])
})
