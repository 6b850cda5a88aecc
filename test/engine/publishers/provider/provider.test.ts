import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { createProvider, type ProviderSettings } from '../../../../src/engine/publishers/provider/provider.ts'
import { systemClock } from '../../../../src/exchange/clock.ts'
import { noParts } from '../../solvers/no-parts.ts'

describe('calls of a provider', () => {
  const task = { about: 'www.example.net', signal: new AbortController().signal }
  let stop: () => void = () => {}
  afterEach(() => stop())

  const open = async (listener: RequestListener, more: Partial<ProviderSettings> = {}) => {
    const server = createServer(listener)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    stop = () => {
      server.close()
      server.closeAllConnections()
    }
    const waits: number[] = []
    const provider = createProvider(
      {
        solver: 'cloud',
        title: 'Somebody',
        endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
        trust: null,
        secrets: () => [],
        whenUnknown: 'Make a new token',
        whenForbidden: 'Give it the right',
        ...more,
      },
      { services: noParts.services, clock: systemClock(), wait: async (ms) => void waits.push(ms) },
    )
    return { provider, waits }
  }

  it('repeats what was cut off, unless twice would be another thing than once', async () => {
    let calls = 0
    const { provider, waits } = await open((request, response) => {
      calls += 1
      if (calls === 1 || request.method === 'POST') request.socket.destroy()
      else response.end('{}')
    })
    expect((await provider.call({ path: '/zones' }, task)).status).toBe(200)
    expect([calls, waits]).toEqual([2, [1_000]])
    await expect(provider.call({ method: 'POST', path: '/zones', json: {} }, task)).rejects.toThrow(
      /^solver cloud for www\.example\.net: Somebody 127\.0\.0\.1:\d+: .*\. Check its endpoint and trust, and the way out$/,
    )
    expect(calls).toBe(3)
    await expect(
      provider.call({ method: 'POST', path: '/zones', json: {}, repeatable: true }, task),
    ).rejects.toThrow(/Check its endpoint/)
    expect(calls).toBe(7)
  })

  it('does not repeat a POST after 5xx, but after 429: that was not acted on', async () => {
    let calls = 0
    let status = 500
    const { provider, waits } = await open((_request, response) => {
      calls += 1
      response.writeHead(status).end('{}')
    })
    expect((await provider.call({ method: 'POST', path: '/zones', json: {} }, task)).status).toBe(500)
    expect(calls).toBe(1)
    status = 429
    expect((await provider.call({ method: 'POST', path: '/zones', json: {} }, task)).status).toBe(429)
    expect([calls, waits]).toEqual([5, [1_000, 2_000, 4_000]])
  })

  it('waits a minute in all, and no more', async () => {
    const { provider, waits } = await open((_request, response) => {
      response.writeHead(429, { 'retry-after': '25' }).end('{}')
    })
    expect((await provider.call({ path: '/zones' }, task)).status).toBe(429)
    expect(waits).toEqual([25_000, 25_000])
  })

  it('takes no answer beyond its bounds, and follows no redirect', async () => {
    const { provider } = await open((request, response) => {
      if (request.url === '/v1/moved') response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end()
      else response.end(Buffer.alloc(5 * 1024 * 1024, 32))
    })
    await expect(provider.call({ path: '/zones' }, task)).rejects.toThrow(/the answer is over \d+ bytes/)
    expect((await provider.call({ path: '/moved' }, task)).status).toBe(302)
  })

  it('asks once more with fresh credentials, and not twice', async () => {
    let calls = 0
    const { provider } = await open(
      (_request, response) => {
        calls += 1
        response.writeHead(401).end('{}')
      },
      { renew: () => true },
    )
    expect((await provider.call({ path: '/zones' }, task)).status).toBe(401)
    expect(calls).toBe(2)
  })
})
