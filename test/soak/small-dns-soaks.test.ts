import { expect, test } from 'vitest'
import { runDnsResponder } from './dns-responder.ts'
import { LONGEST, quiet } from './small.ts'

test('damaged messages and a flood over real sockets leave the DNS responder as it was', {
  timeout: LONGEST,
}, async () => {
  const { figures, failures } = await runDnsResponder({ size: 2000, ...quiet })
  expect(failures).toEqual([])
  expect(figures['messages over TCP']).toBeGreaterThan(5)
  expect(figures.answers).toBeGreaterThan(500)
  expect(figures['flood, questions']).toBeGreaterThan(5000)
})
