import { request } from 'node:http'
import { controlSocketPath } from '../../src/api/control-socket-path.ts'

/** Asks the API over the control socket of a server. Rejects with what it said where that is no 2xx. */
export function askControl<T>(
  dataFolder: string,
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  body?: unknown,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const json = body === undefined ? undefined : JSON.stringify(body)
    const asked = request(
      {
        socketPath: controlSocketPath(dataFolder),
        method,
        path: `/api/v1${path}`,
        headers: json === undefined ? {} : { 'content-type': 'application/json' },
      },
      (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (part: string) => {
          text += part
        })
        response.on('error', reject)
        response.on('end', () => {
          const status = response.statusCode ?? 0
          if (status < 200 || status > 299) reject(new Error(`${method} ${path}: ${status} ${text}`))
          else resolve((text === '' ? null : JSON.parse(text)) as T)
        })
      },
    )
    asked.on('error', reject)
    asked.end(json)
  })
}
