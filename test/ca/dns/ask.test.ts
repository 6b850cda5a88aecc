import { expect, test } from 'vitest'
import { askServer } from '../../../src/ca/dns/ask.ts'

const question = { name: 'www.example.test', type: 'A', recursion: true } as const
const never = new AbortController().signal

test('a server that the system does not let anybody send to is unreachable, and nothing else happens', async () => {
  // Refused at once, as where there is no route: a broadcast address on a socket that is for one receiver.
  const asked = askServer({ address: '255.255.255.255', port: 53 }, question, 5_000, never)
  await expect(asked).rejects.toMatchObject({
    name: 'DnsFailure',
    reason: 'unreachable',
    message: expect.stringContaining('255.255.255.255 cannot be reached'),
  })
})
