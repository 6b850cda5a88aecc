import { readFile } from 'node:fs/promises'
import { get } from 'node:https'
import path from 'node:path'
import type { Pebble } from '../../../src/cli/demo/pebble.ts'
import { plainSerial } from './read-pem.ts'

/** What the CA itself says of what it issued. */
export interface IssuedCertificate {
  readonly serial: string
  readonly revoked: boolean
}

/** Every certificate Pebble says it issued (its log), with its status (its management interface). */
export async function issuedByPebble(pebble: Pebble): Promise<readonly IssuedCertificate[]> {
  const { pebble: settings } = JSON.parse(
    await readFile(path.join(path.dirname(pebble.trust), 'pebble.json'), 'utf8'),
  )
  const ca = await readFile(pebble.trust, 'utf8')
  const serials = [...pebble.log().matchAll(/Issued certificate serial ([0-9a-f]+) for order/g)].map(
    ([, serial = '']) => serial,
  )
  const issued: IssuedCertificate[] = []
  for (const serial of new Set(serials)) {
    const url = `https://${settings.managementListenAddress}/cert-status-by-serial/${serial}`
    const { Status: status } = JSON.parse(await fetchText(url, ca))
    issued.push({ serial: plainSerial(serial), revoked: status === 'Revoked' })
  }
  return issued
}

function fetchText(url: string, ca: string): Promise<string> {
  return new Promise((resolve, reject) => {
    get(url, { ca, agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part
      })
      response.on('end', () =>
        response.statusCode === 200
          ? resolve(text)
          : reject(new Error(`${url}: ${response.statusCode} ${text}`)),
      )
      response.on('error', reject)
    }).on('error', reject)
  })
}
