import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { mailSender } from '../../../src/alerts/channels/mail-sender.ts'
import { Renderer } from '../../../src/alerts/render/renderer.ts'
import { OwnAddresses } from '../../../src/ca/own-addresses.ts'
import { createResolve } from '../../../src/ca/resolve.ts'
import { alertSettings, notificationOf } from '../../support/alerts/notifications.ts'

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

/** Greets, and never ends its answer to EHLO. */
async function drippingServer(): Promise<{ port: number; ended: Promise<unknown> }> {
  let ended: (() => void) | null = null
  const hasEnded = new Promise<void>((resolve) => {
    ended = resolve
  })
  const server = createServer((socket: Socket) => {
    socket.on('error', () => {})
    socket.write('220 slow\r\n')
    const drip = setInterval(() => socket.write('250-word\r\n'), 20)
    socket.on('close', () => {
      clearInterval(drip)
      ended?.()
    })
  })
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, ended: hasEnded }
}

test('H16: a mail server that says a word now and then does not hold the channel for ever', async () => {
  const { port, ended } = await drippingServer()
  const channel = mailSender({
    name: 'ops',
    smtp: `smtp://127.0.0.1:${port}`,
    tls: 'off',
    username: null,
    password: null,
    trust: null,
    from: 'acmetap@example.net',
    to: ['ops@example.net'],
    way: { resolve: createResolve(), own: new OwnAddresses(), proxy: null },
    session: 300,
  })
  const rendered = new Renderer(alertSettings({})).render(notificationOf())
  expect(await channel.send(rendered, 0, new AbortController().signal)).toEqual({
    kind: 'later',
    error: `smtp://127.0.0.1:${port}: the session did not end within 300 ms`,
    after: null,
  })
  await ended
})
