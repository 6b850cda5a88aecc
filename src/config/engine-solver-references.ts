/** What holds between the keys of a solver, and between solvers. */
import { isIP } from 'node:net'
import type { Complaint, KeyPath } from './config-error.ts'
import { SOLVER_KINDS, SOLVER_SECRETS, type SolverKind } from './engine-solvers.ts'
import { complaint, type Mapping, mapping } from './written.ts'

/** Kinds that answer over the network; all others write DNS records. */
const OVER_NETWORK = new Set<SolverKind>(['http', 'webroot', 'stateless', 'tls_alpn'])

/** The kind of a solver; null where it is none, or several. */
export function solverKind(solver: Mapping): SolverKind | null {
  const kinds = SOLVER_KINDS.filter((kind) => solver[kind] !== undefined)
  return kinds.length === 1 ? kinds[0]! : null
}

/** Whether a kind can answer for a name: wildcards need the DNS, addresses anything but it. */
export function solverAnswers(kind: SolverKind, name: string): boolean {
  if (name.startsWith('*.')) return !OVER_NETWORK.has(kind)
  return isIP(name) === 0 || OVER_NETWORK.has(kind)
}

export function checkSolvers(solvers: readonly Mapping[], hasResponder: boolean): Complaint[] {
  const found: Complaint[] = []
  const names = new Map<unknown, number>()
  const listening = new Map<string, number>()
  for (const [at, solver] of solvers.entries()) {
    const path = ['engine', 'solvers', at]
    const first = names.get(solver.name)
    if (first === undefined) names.set(solver.name, at)
    else found.push(complaint([...path, 'name'], 'value', `is already the name of solvers[${first}]`, null))
    found.push(...checkKind(solver, path, hasResponder), ...checkSecrets(solver, path))
    for (const kind of ['http', 'tls_alpn'] as const) {
      if (solver[kind] === undefined) continue
      const { address = '127.0.0.1', port = kind === 'http' ? 80 : 443 } = mapping(solver[kind])
      if (port === 0) continue
      const place = `${String(address)} ${String(port)}`
      const other = listening.get(place)
      if (other === undefined) listening.set(place, at)
      else {
        const message = `listens where solvers[${other}] does`
        found.push(complaint([...path, kind], 'value', message, 'Give it another port'))
      }
    }
  }
  return found
}

function checkKind(solver: Mapping, path: KeyPath, hasResponder: boolean): Complaint[] {
  const kinds = SOLVER_KINDS.filter((kind) => solver[kind] !== undefined)
  if (kinds.length !== 1) {
    const message = kinds.length === 0 ? 'answers nothing' : `is ${kinds.join(' and ')} at once`
    return [complaint(path, 'value', message, `Write one of ${SOLVER_KINDS.join(', ')}`)]
  }
  const found: Complaint[] = []
  if (kinds[0] === 'responder' && !hasResponder) {
    const message = 'has no DNS responder to write to'
    found.push(complaint([...path, 'responder'], 'key', message, 'Write engine.dns'))
  }
  if (solver.type === 'dns-account-01' && (OVER_NETWORK.has(kinds[0]!) || kinds[0] === 'persist')) {
    const message = `is nothing that ${kinds[0]} can answer`
    found.push(complaint([...path, 'type'], 'value', message, 'Take it out'))
  }
  return found
}

/** Beside the secrets, what only makes sense together with them. */
const TOGETHER = [
  { kind: 'rfc2136', name: 'key_name', secret: 'secret' },
  { kind: 'httpreq', name: 'username', secret: 'password' },
  { kind: 'route53', name: 'access_key_id', secret: 'secret_access_key' },
] as const

function checkSecrets(solver: Mapping, path: KeyPath): Complaint[] {
  const found: Complaint[] = []
  for (const { kind, key, needed } of SOLVER_SECRETS) {
    if (solver[kind] === undefined) continue
    const settings = mapping(solver[kind])
    const place = [...path, kind]
    const [value, file] = [settings[key], settings[`${key}_file`]]
    if (value !== undefined && file !== undefined) {
      const message = `and ${key}_file exclude each other`
      found.push(complaint([...place, key], 'key', message, 'Keep one of them'))
    } else if (needed && value === undefined && file === undefined) {
      found.push(complaint(place, 'value', `has no ${key}`, `Write ${key} or ${key}_file`))
    }
  }
  for (const { kind, name, secret } of TOGETHER) {
    if (solver[kind] === undefined) continue
    const settings = mapping(solver[kind])
    const hasSecret = settings[secret] !== undefined || settings[`${secret}_file`] !== undefined
    const place = [...path, kind]
    if (settings[name] !== undefined && !hasSecret && kind !== 'route53') {
      const instead = `Write ${secret} or ${secret}_file beside it`
      found.push(complaint([...place, name], 'key', `has no ${secret}`, instead))
    }
    if (settings[name] === undefined && hasSecret)
      found.push(complaint(place, 'value', `has a ${secret} and no ${name}`, `Write ${name} beside it`))
  }
  return found
}
