import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import type { HttpResponse } from '../../src/proxy/listener-options.ts'
import { type RunningListener, startListener, until } from './running-listener.ts'
import { ask, http2, tcp, tls, untilClosed } from './tls-client.ts'

let running: RunningListener
let waiting: HttpResponse[]
const start = async () => {
  waiting = []
  running = await startListener({ limits: { checkInterval: 30 } }, (request, response) => {
    request.resume()
    if (request.url === '/now') response.end('now')
    else waiting.push(response)
  })
  return running
}
afterEach(() => running.stop())

const GET = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`

describe('close', () => {
  it('lets HTTP/1 requests finish with Connection: close, and takes no new connection', async () => {
    const target = await start()
    const busy = await tls(target)
    busy.write(GET('/slow'))
    const idle = await tls(target)
    idle.write(GET('/now'))
    await once(idle, 'data')
    await until(() => waiting.length === 1)
    const closing = target.listener.close(60_000)
    await untilClosed(idle)
    await expect(tcp(target)).rejects.toThrow(/ECONNREFUSED/)
    waiting[0]?.end('done')
    const answer = await untilClosed(busy)
    expect(answer).toMatch(/\r\nConnection: close\r\n/)
    expect(answer).toMatch(/done$/)
    await closing
    expect(target.listener.openConnections).toBe(0)
    expect(target.events).toEqual([])
  })

  it('closes an HTTP/1 connection whose answer had begun as soon as it ends', async () => {
    const target = await start()
    const socket = await tls(target)
    socket.write(GET('/slow'))
    await until(() => waiting.length === 1)
    const [answering] = waiting as ServerResponse[]
    answering?.write('begin ')
    await once(socket, 'data')
    const closing = target.listener.close(60_000)
    answering?.end('end')
    expect(await untilClosed(socket)).toMatch(/end/)
    await closing
  })

  it('lets HTTP/2 streams finish after GOAWAY', async () => {
    const target = await start()
    const session = await http2(target)
    const goneAway = once(session, 'goaway')
    const answer = ask(session, { ':path': '/slow' })
    await until(() => waiting.length === 1)
    const closing = target.listener.close(60_000)
    expect((await goneAway)[0]).toBe(0)
    waiting[0]?.end('done')
    expect(await answer).toMatchObject({ status: 200, body: 'done' })
    await closing
  })

  it('cuts what is left when the time is over, and resolves', async () => {
    const target = await start()
    const socket = await tls(target)
    socket.write(GET('/slow'))
    const session = await http2(target)
    const answer = ask(session, { ':path': '/slow' })
    const half = await tcp(target)
    half.write(Buffer.from('160301', 'hex'))
    await until(() => waiting.length === 2)
    const gone = Promise.all([untilClosed(socket), untilClosed(half), answer])
    await target.listener.close(50)
    await gone
    await until(() => target.listener.openConnections === 0)
  })

  it('resolves when nothing is open, and a second time', async () => {
    const target = await start()
    await target.listener.close(60_000)
    await target.listener.close(60_000)
  })
})
