/**
 * CONNECT and nothing else: bytes go through unread. What any proxy must do, in as few instructions as Node allows.
 * `node test/bench/blind-tunnel-process.ts` prints a JSON line with its port.
 */
import { type AddressInfo, connect, createServer } from 'node:net'

const server = createServer({ noDelay: true }, (client) => {
  client.on('error', () => client.destroy())
  client.once('data', (head: Buffer) => {
    const port = /^CONNECT localhost:(\d+) /.exec(head.toString('latin1'))?.[1]
    if (port === undefined) {
      client.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n')
      return
    }
    const onward = connect({ port: Number(port), host: '127.0.0.1', noDelay: true }, () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n')
      client.pipe(onward).pipe(client)
    })
    onward.on('error', () => client.destroy())
    onward.on('close', () => client.destroy())
    client.on('close', () => onward.destroy())
  })
})
server.listen(0, '127.0.0.1', () =>
  console.log(JSON.stringify({ port: (server.address() as AddressInfo).port })),
)
process.once('SIGTERM', () => process.exit(0))
