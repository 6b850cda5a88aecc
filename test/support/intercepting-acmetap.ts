import { type Acmetap, type AcmetapOptions, askAdmin, startAcmetap } from './acmetap-process.ts'
import { freePort } from './child-process.ts'

export interface InterceptingAcmetap extends Acmetap {
  readonly proxyPort: number
  readonly sniPort: number
  /** PEM of the interception root, as clients get it: from `GET /root.pem` of the proxy. */
  readonly interceptionRoot: string
}

export interface InterceptingOptions extends AcmetapOptions {
  /** `intercept.other_hosts`; refused where it is left out. */
  readonly otherHosts?: 'refuse' | 'tunnel' | readonly string[]
  /** Keys of `listeners.proxy` and `listeners.sni`; by default a free port of 127.0.0.1. */
  readonly proxy?: Readonly<Record<string, unknown>>
  readonly sni?: Readonly<Record<string, unknown>>
}

/** acmetap as a process of its own that takes over connections to the CA `test`, by CONNECT and by SNI. */
export async function startIntercepting(options: InterceptingOptions): Promise<InterceptingAcmetap> {
  const proxyPort = Number(options.proxy?.port ?? (await freePort()))
  const sniPort = Number(options.sni?.port ?? (await freePort()))
  const acmetap = await startAcmetap({
    ...options,
    sections: {
      ...options.sections,
      listeners: {
        proxy: { address: '127.0.0.1', port: proxyPort, ...options.proxy },
        sni: { address: '127.0.0.1', port: sniPort, ...options.sni },
        ...options.sections?.listeners,
      },
      intercept: { cas: ['test'], other_hosts: options.otherHosts ?? 'refuse' },
    },
  })
  const root = await askAdmin(`http://${options.proxy?.address ?? '127.0.0.1'}:${proxyPort}/root.pem`)
  if (root?.status !== 200) {
    await acmetap.stop()
    throw new Error(`GET /root.pem was answered ${root?.status ?? 'nothing'}: ${acmetap.process.output()}`)
  }
  return { ...acmetap, proxyPort, sniPort, interceptionRoot: root.body }
}
