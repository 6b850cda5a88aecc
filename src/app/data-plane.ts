import type { FastifyInstance } from 'fastify'
import { createDial, type WayOut } from '../ca/dial.ts'
import type { CaDispatcher } from '../ca/dispatcher.ts'
import type { Config } from '../config/schema.ts'
import type { Clock } from '../exchange/clock.ts'
import type { Completed } from '../exchange/exchange.ts'
import type { Issuer } from '../interception/issuer.ts'
import { createProxyApp, type ProxyParts } from '../proxy/app.ts'
import { clientConnection } from '../proxy/client-connection.ts'
import type { ProxyListenerParts } from '../proxy/intercept-options.ts'
import { type AcmeListener, createAcmeListener } from '../proxy/listener.ts'
import type { RequestHandler } from '../proxy/listener-options.ts'
import { createProxyListener, type ProxyListener } from '../proxy/proxy-listener.ts'
import { createSniListener, type SniListener } from '../proxy/sni-listener.ts'
import type { Chains } from '../proxy/stages.ts'
import { acmeOptions, opens, prepareListenerRoot, proxyOptions, sniOptions } from './listeners.ts'
import type { observeWith } from './observe.ts'
import type { Routing } from './routing.ts'

type Observe = ReturnType<typeof observeWith>

export interface DataPlaneParts {
  readonly chains: Chains
  readonly dispatcher: CaDispatcher
  readonly clock: Clock
  readonly issuer: Issuer
  readonly routing: () => Routing
  readonly wayOut: () => WayOut
  readonly exitOf: NonNullable<ProxyParts['exitOf']>
  /** Null: acmetap is no ACME server. */
  readonly broker: ProxyParts['broker']
  readonly page: ProxyListenerParts['page']
  readonly onCompleted: (exchange: Completed) => void
  readonly observe: Observe
  readonly bare: boolean
}

type ListenerName = 'acme' | 'proxy' | 'sni'
type Listener = AcmeListener | ProxyListener | SniListener

/** The listeners that clients use, and the one app behind them. */
export interface DataPlane {
  /** Opens every port, `proxy` last; `onBound` is told where each is before a connection can come. */
  listen(onBound: (bound: { name: ListenerName; address: string; port: number }) => void): Promise<void>
  /** Takes up changed certificate files and the users' passwords. */
  refresh(config: Config): Promise<void>
  /** Lets what is under way finish for up to `drain` ms. */
  close(drain: number): Promise<void>
}

/** Builds the listeners that the configuration opens. Rejects with ListenerRootError, RangeError or file errors. */
export async function openDataPlane(config: Config, parts: DataPlaneParts): Promise<DataPlane> {
  const app = await createProxyApp({
    chains: parts.chains,
    dispatcher: parts.dispatcher,
    clock: parts.clock,
    connectionOf: clientConnection(config.listeners.acme.client_address),
    destinationOf: (authority, connection) => parts.routing().destinationOf(authority, connection),
    exitOf: parts.exitOf,
    broker: parts.broker ?? null,
    onCompleted: parts.onCompleted,
    onFault: parts.observe.fault,
    onIncomplete: parts.observe.incomplete,
    bare: parts.bare,
  })
  const listeners = await createListeners(config, parts, handlerOf(app))
  const { acme, sni, proxy } = listeners
  const open = Object.entries({ acme, sni, proxy }).filter(([, one]) => one) as [ListenerName, Listener][]
  return {
    async listen(onBound) {
      for (const [name, listener] of open) {
        const { address, port } = await listener.listen()
        onBound({ name, address, port })
      }
    },
    async refresh(next) {
      await Promise.all([listeners.acme?.checkCertificate(), proxy?.checkCertificate()])
      proxy?.useUsers(proxyOptions(next).users)
    },
    async close(drain) {
      await Promise.all(open.map(([, listener]) => listener.close(drain)))
      await app.close()
    },
  }
}

async function createListeners(config: Config, parts: DataPlaneParts, handler: RequestHandler) {
  const { observe, routing, issuer } = parts
  const events = { onConnectionEvent: observe.connection, onCertificateEvent: observe.certificate }
  const contextFor = (host: string) => issuer.contextFor(host)
  const { sni } = config.listeners
  const open = opens(config)
  await prepareListenerRoot(config)
  const proxyParts: ProxyListenerParts = {
    clock: parts.clock,
    takeOver: (host, port) => routing().intercepted.takeOver(host, port),
    contextFor,
    handler,
    tunnel: parts.chains.tunnel,
    dial: (target) => createDial(parts.wayOut())(target),
    isVouched: (target) => routing().otherHosts.vouched(target),
    page: parts.page,
    onCompleted: parts.onCompleted,
    onFault: observe.fault,
  }
  return {
    acme: open.acme ? await createAcmeListener(acmeOptions(config), handler, events) : null,
    proxy: open.proxy ? await createProxyListener(proxyOptions(config), proxyParts, events) : null,
    sni:
      open.sni && sni
        ? createSniListener(
            sniOptions(sni),
            {
              authoritiesOf: (host) => routing().intercepted.authoritiesOf(host),
              addressWithoutName: () => routing().intercepted.addressWithoutName(),
              contextFor,
              handler,
            },
            events,
          )
        : null,
  }
}

function handlerOf(app: FastifyInstance): RequestHandler {
  return (request, response) => app.routing(request as never, response as never)
}
