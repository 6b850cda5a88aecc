import { urlOf } from '../url-map.ts'
import { mustOnlyRead, notFound } from './asking.ts'
import type { OperationHandler } from './operation-parts.ts'

/** RFC 8555 §7.4.2: the CA's default chain, or by number one of its alternates, each with links to the others. */
export function certificate(): OperationHandler {
  return async (request) => {
    const { endpoint, certificate: found } = request
    const [id = '', number = '0'] = request.ids
    const isSpelt = request.ids.length < 2 || /^[1-9]\d?$/.test(number)
    const chain = isSpelt ? found?.chains[Number(number)] : undefined
    if (found === null || chain === undefined) throw notFound('certificate')
    mustOnlyRead(request)
    const others = found.chains.map((_, place) => place).filter((place) => place !== Number(number))
    return {
      status: 200,
      fields: others.map((place) => {
        const url = urlOf(endpoint, 'certificate', place === 0 ? [id] : [id, String(place)])
        return ['link', `<${url}>;rel="alternate"`] as const
      }),
      body: { text: chain, type: 'application/pem-certificate-chain' },
    }
  }
}
