/** What holds between the keys under `engine`. As references.ts, it looks at the value before the schema does. */
import { isIP } from 'node:net'
import type { Complaint, KeyPath } from './config-error.ts'
import { checkSolvers, solverAnswers, solverKind } from './engine-solver-references.ts'
import { closest } from './keys.ts'
import { isPattern } from './name-pattern.ts'
import { complaint, list, type Mapping, mapping } from './written.ts'

/** `cas` are the names under `cas`. */
export function checkEngine(written: unknown, cas: readonly string[]): Complaint[] {
  const engine = mapping(written)
  const solvers = list(engine.solvers).map(mapping)
  const known = { cas, solvers }
  return [
    ...exclusive(engine, ['engine'], 'secret'),
    ...checkSealingSecret(engine.secret),
    ...checkAccounts(list(engine.accounts), cas),
    ...checkSolvers(solvers, engine.dns !== undefined),
    ...list(engine.challenges).flatMap((entry, at) => checkChoice(mapping(entry), at, known)),
    ...checkCertificates(list(engine.certificates), known),
    ...checkStaging(mapping(engine.staging), cas),
  ]
}

interface Known {
  readonly cas: readonly string[]
  readonly solvers: readonly Mapping[]
}

function checkSealingSecret(secret: unknown): Complaint[] {
  if (typeof secret !== 'string' || secret === '') return []
  const text = secret.trim()
  const bytes = /^[0-9A-Fa-f]{64}$/.test(text)
    ? Buffer.from(text, 'hex')
    : /^[A-Za-z0-9+/_-]{43}=?$/.test(text)
      ? Buffer.from(text, 'base64')
      : null
  if (bytes?.length === 32) return []
  const instead = 'Make one with: openssl rand -base64 32'
  return [
    complaint(['engine', 'secret'], 'value', 'must be 32 bytes, as 64 hex digits or as base64', instead),
  ]
}

function checkAccounts(accounts: readonly unknown[], cas: readonly string[]): Complaint[] {
  const found: Complaint[] = []
  const seen = new Map<unknown, number>()
  for (const [at, entry] of accounts.entries()) {
    const { ca, external } = mapping(entry)
    const path = ['engine', 'accounts', at]
    found.push(...unknownCa([...path, 'ca'], ca, cas))
    const first = seen.get(ca)
    if (first === undefined) seen.set(ca, at)
    else if (typeof ca === 'string') {
      const message = `has an account already, accounts[${first}]`
      found.push(complaint([...path, 'ca'], 'value', message, 'Keep one for each CA'))
    }
    if (external !== undefined)
      found.push(...secretOf(mapping(external), [...path, 'external'], 'hmac_key', true))
  }
  return found
}

function checkChoice({ names, solver }: Mapping, at: number, known: Known): Complaint[] {
  const path = ['engine', 'challenges', at]
  const found = unknownSolver([...path, 'solver'], solver, known.solvers)
  for (const [index, name] of list(names).entries()) {
    if (typeof name !== 'string') continue
    const place = [...path, 'names', index]
    if (isIP(name) !== 0) {
      const instead = 'Write solver beside the certificate that it is in'
      found.push(complaint(place, 'value', 'is an address, and patterns are for names', instead))
    } else if (!isPattern(name)) {
      const message = 'must be a pattern of names in lower case'
      found.push(complaint(place, 'value', message, 'Write for example .shop.example.com or *.example.com'))
    }
  }
  return found
}

function checkCertificates(certificates: readonly unknown[], known: Known): Complaint[] {
  const found: Complaint[] = []
  const names = new Map<unknown, number>()
  const files = new Map<unknown, number>()
  for (const [at, entry] of certificates.entries()) {
    const certificate = mapping(entry)
    const path = ['engine', 'certificates', at]
    const first = names.get(certificate.name)
    if (first === undefined) names.set(certificate.name, at)
    else {
      const message = `is already the name of certificates[${first}]`
      found.push(complaint([...path, 'name'], 'value', message, null))
    }
    found.push(...unknownCa([...path, 'ca'], certificate.ca, known.cas))
    found.push(...checkNames(certificate, path, known))
    if (certificate.pkcs12 !== undefined) {
      const pkcs12 = mapping(certificate.pkcs12)
      const place = [...path, 'pkcs12']
      found.push(...secretOf(pkcs12, place, 'password', true))
      const same = files.get(pkcs12.file)
      if (same === undefined) files.set(pkcs12.file, at)
      else {
        const message = `is already the file of certificates[${same}]`
        found.push(complaint([...place, 'file'], 'value', message, null))
      }
    }
    found.push(
      ...list(certificate.hooks).flatMap((hook, n) => checkHook(mapping(hook), [...path, 'hooks', n])),
    )
  }
  return found
}

/** RFC 8555 §7.1.3: wildcards are proved in the DNS alone; RFC 8738 §4: addresses anywhere but there. */
function checkNames({ names, solver }: Mapping, path: KeyPath, { solvers }: Known): Complaint[] {
  const found = unknownSolver([...path, 'solver'], solver, solvers)
  const chosen = typeof solver === 'string' ? solvers.find(({ name }) => name === solver) : undefined
  const kind = chosen === undefined ? null : solverKind(chosen)
  const seen = new Map<unknown, number>()
  for (const [at, name] of list(names).entries()) {
    if (typeof name !== 'string') continue
    const place = [...path, 'names', at]
    const first = seen.get(name)
    if (first === undefined) seen.set(name, at)
    else found.push(complaint(place, 'value', `is already names[${first}]`, 'Take one out'))
    if (kind === null) continue
    if (!solverAnswers(kind, name)) {
      const [what, way] = name.startsWith('*.')
        ? ['a wildcard, which is proved in the DNS only', 'a solver that writes DNS records']
        : ['an address, which is never proved in the DNS', 'a solver for http-01 or tls-alpn-01']
      const message = `is ${what}, and solver ${String(solver)} can't`
      found.push(complaint(place, 'value', message, `Name ${way}, or leave the choice to engine.challenges`))
    }
  }
  return found
}

function checkHook(hook: Mapping, path: KeyPath): Complaint[] {
  const { exec, webhook } = hook
  const found = exclusive(hook, path, 'secret')
  if (exec === undefined && webhook === undefined) {
    found.push(complaint(path, 'value', 'does nothing', 'Write exec or webhook'))
  } else if (exec !== undefined && webhook !== undefined) {
    const instead = 'Keep one of them; a second hook can do the other'
    found.push(complaint([...path, 'webhook'], 'key', 'and exec exclude each other', instead))
  } else if (webhook === undefined) {
    for (const key of ['secret', 'secret_file', 'trust']) {
      if (hook[key] !== undefined)
        found.push(complaint([...path, key], 'key', 'is for webhooks only', 'Take it out'))
    }
  } else if (hook.environment !== undefined) {
    found.push(complaint([...path, 'environment'], 'key', 'is for programs only', 'Take it out'))
  }
  return found
}

function checkStaging(staging: Mapping, cas: readonly string[]): Complaint[] {
  return Object.entries(staging).flatMap(([ca, instead]) => {
    const path = ['engine', 'staging', ca]
    const found = unknownCa(path, ca, cas, 'key')
    if (instead === ca)
      found.push(complaint(path, 'value', 'is the same CA', 'Name another, or take the line out'))
    return [...found, ...unknownCa(path, instead, cas)]
  })
}

function unknownCa(
  path: KeyPath,
  ca: unknown,
  cas: readonly string[],
  at: Complaint['at'] = 'value',
): Complaint[] {
  if (typeof ca !== 'string' || cas.includes(ca)) return []
  const none = 'There are no CAs yet: add one under cas'
  return [complaint(path, at, 'names a CA that is not under cas', meant(ca, cas, none))]
}

function unknownSolver(path: KeyPath, solver: unknown, solvers: readonly Mapping[]): Complaint[] {
  if (typeof solver !== 'string') return []
  const names = solvers.flatMap(({ name }) => (typeof name === 'string' ? [name] : []))
  if (names.includes(solver)) return []
  const none = 'There are no solvers yet: add one under engine.solvers'
  return [
    complaint(path, 'value', 'names a solver that is not under engine.solvers', meant(solver, names, none)),
  ]
}

const MOST = 10

function meant(word: string, known: readonly string[], none: string): string {
  if (known.length === 0) return none
  const near = closest(word, known)
  return near === undefined ? `Known: ${known.slice(0, MOST).join(', ')}` : `Did you mean ${near}?`
}

function secretOf(settings: Mapping, path: KeyPath, key: string, needed: boolean): Complaint[] {
  const found = exclusive(settings, path, key)
  if (needed && settings[key] === undefined && settings[`${key}_file`] === undefined)
    found.push(complaint(path, 'value', `has no ${key}`, `Write ${key} or ${key}_file`))
  return found
}

function exclusive(settings: Mapping, path: KeyPath, key: string): Complaint[] {
  if (settings[key] === undefined || settings[`${key}_file`] === undefined) return []
  return [complaint([...path, key], 'key', `and ${key}_file exclude each other`, 'Keep one of them')]
}
