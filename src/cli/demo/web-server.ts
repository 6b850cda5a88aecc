import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import path from 'node:path'

const CHALLENGE = /^\/\.well-known\/acme-challenge\/[\w-]+$/

/** A web server on loopback that serves the http-01 answers in `folder` (RFC 8555 §8.3) and 404 for all else. */
export async function serveFolder(folder: string, port: number): Promise<Server> {
  const server = createServer((request, response) => {
    const target = CHALLENGE.test(request.url ?? '') ? request.url! : null
    if (target === null) {
      response.writeHead(404).end()
      return
    }
    readFile(path.join(folder, target)).then(
      (text) => response.end(text),
      () => response.writeHead(404).end(),
    )
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return server
}
