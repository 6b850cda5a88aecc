/** TLS under a listener's own certificate, which is looked at from time to time and replaced without a restart. */
import { createServer, type Server } from 'node:tls'
import { secureContextOptions } from '../interception/secure-context.ts'
import type { CertificateSource, ServedCertificate } from './listener-certificate.ts'
import type { ListenerEvents } from './listener-options.ts'

export class ListenerTls {
  /** Never listens: connections arrive by `emit('connection', socket)`. */
  readonly server: Server
  readonly #source: CertificateSource
  readonly #events: ListenerEvents
  #checking: Promise<void> = Promise.resolve()

  constructor(source: CertificateSource, protocols: string[], events: ListenerEvents) {
    this.#source = source
    this.#events = events
    this.server = createServer({ ...secureContextOptions(source.current()), ALPNProtocols: protocols })
  }

  /** PEM of the root that clients must trust; null where the certificate comes from files. */
  get rootCertificate(): string | null {
    return this.#source.rootCertificate
  }

  get certificate(): ServedCertificate {
    return this.#source.current()
  }

  /** Renew the leaf if it is due, or take up changed files. Open connections are untouched. Never throws. */
  checkCertificate(): Promise<void> {
    // One after the other: two looks at once would both find the leaf due and mint two.
    this.#checking = this.#checking.then(() => this.#checkNow())
    return this.#checking
  }

  async #checkNow(): Promise<void> {
    const fresh = await this.#source.check()
    if (fresh === null) return
    this.server.setSecureContext(secureContextOptions(fresh))
    this.#events.onCertificateEvent({ kind: 'certificateReplaced', notAfter: fresh.notAfter })
  }
}
