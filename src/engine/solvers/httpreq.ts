/** A service of the operator's, called as lego's httpreq provider calls it: `POST /present` and `/cleanup`. */
import type { ServiceClient } from '../../ca/service-client.ts'
import type { SolverConfig } from '../../config/engine-solvers.ts'
import { readSecret } from '../../config/secrets.ts'
import { oneLine } from '../one-line.ts'
import type { Publisher, TxtRecord } from '../publisher.ts'
import type { Solver } from '../solver.ts'
import { createRawSolver } from './raw-solver.ts'
import { readTrust } from './read-trust.ts'
import { solverError, systemFault, throwIfAborted } from './solver-error.ts'

export type HttpreqSettings = NonNullable<SolverConfig['httpreq']>

const ANSWER_LIMIT = 64 * 1024

export function createHttpreq(solver: string, settings: HttpreqSettings, services: ServiceClient): Publisher {
  const call = calling(solver, settings, services)
  const change =
    (action: string) =>
    ({ name, value }: TxtRecord, signal: AbortSignal) =>
      call(name, action, { fqdn: `${name}.`, value }, signal)
  return { add: change('present'), remove: change('cleanup') }
}

export function createHttpreqSolver(
  solver: string,
  settings: HttpreqSettings,
  services: ServiceClient,
  ready: Solver['ready'],
): Solver {
  const call = calling(solver, settings, services)
  return createRawSolver(
    solver,
    (action, { domain, token, keyAuthorization }, { signal }) =>
      call(domain, action, { domain, token, keyAuth: keyAuthorization }, signal),
    ready,
  )
}

function calling(solver: string, settings: HttpreqSettings, services: ServiceClient) {
  const { endpoint, username, timeout } = settings
  const base = endpoint.replace(/\/+$/, '')
  return async (name: string, action: string, body: object, signal: AbortSignal): Promise<void> => {
    throwIfAborted(signal, solver, name)
    let password: string
    let trust: string | null
    try {
      password = readSecret({ value: settings.password, file: settings.password_file }, 'password') ?? ''
      trust = readTrust(settings.trust)
    } catch (error) {
      throw solverError(solver, name, `${oneLine(systemFault(error))}. Check its password_file and trust`)
    }
    const basic = Buffer.from(`${username ?? ''}:${password}`).toString('base64')
    const answer = await services
      .send({
        url: `${base}/${action}`,
        fields: {
          'content-type': 'application/json',
          ...(username === undefined ? {} : { authorization: `Basic ${basic}` }),
        },
        body: JSON.stringify(body),
        trust,
        limit: ANSWER_LIMIT,
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeout)]),
      })
      .catch((error: unknown) => {
        throwIfAborted(signal, solver, name)
        const late = (error as Error).name === 'TimeoutError'
        const what = late ? `gave no answer within ${timeout / 1000} s` : oneLine((error as Error).message)
        throw solverError(solver, name, `${new URL(base).host}: ${what}. Check its endpoint and the service`)
      })
    if (answer.status >= 200 && answer.status <= 299) return
    const said = oneLine(masked(answer.body.toString('utf8'), [basic, password]), 200)
    throw solverError(
      solver,
      name,
      `${new URL(base).host} answers ${answer.status} to ${action}${said === '' ? '' : `: ${said}`}. See its log`,
    )
  }
}

function masked(text: string, secrets: readonly string[]): string {
  return secrets.reduce((left, secret) => (secret === '' ? left : left.replaceAll(secret, '[secret]')), text)
}
