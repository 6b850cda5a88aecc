import { mkdir } from 'node:fs/promises'
import { createServer } from 'node:http'
import path from 'node:path'

export interface ControlServer {
  /** What each request that changes something brought, as it came. */
  readonly bodies: string[]
  close(): Promise<void>
}

/** Stands in for a running server's control socket: keeps every byte and answers the same report to all. */
export async function controlServer(data: string, report: object): Promise<ControlServer> {
  await mkdir(data, { recursive: true })
  const bodies: string[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      if (request.method === 'POST') bodies.push(Buffer.concat(chunks).toString())
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify(request.method === 'POST' ? report : {}))
    })
  })
  await new Promise<void>((resolve) => server.listen(path.join(data, 'control.sock'), resolve))
  return {
    bodies,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
}
