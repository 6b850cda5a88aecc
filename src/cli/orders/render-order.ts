import { problemShortName } from '../../acme/problem-types.ts'
import type { Diagnosis } from '../../audit/diagnosis/diagnosis.ts'
import type { OrderDetail, Step } from '../../audit/inventory/order.ts'
import { clientText, shortNames } from '../describe-inventory.ts'
import { cutMiddle, escapeText } from '../escape.ts'
import { renderFields, renderProse } from '../render.ts'
import { renderDiagnosis } from '../render-diagnosis.ts'
import type { Terminal } from '../terminal.ts'
import { durationText, microsOf, relativeTime, utcTime } from '../time.ts'

/** µs without a request that are worth a line. */
const WAITING = 1_000_000
/** Of an order with many names only so many authorizations are told, those that are not valid first. */
const MOST_AUTHORIZATIONS = 12

/** An issuance as a timeline: who asked, each step with its time offset, what failed and why, the result. */
export function renderOrder(terminal: Terminal, order: OrderDetail): string {
  const { colors } = terminal
  return [
    `${colors.bold(`order ${order.id}`)}  ${paintStatus(terminal, order.status)}\n`,
    renderFields(terminal, orderFields(order, terminal.now()), true),
    renderAuthorizations(terminal, order),
    renderSteps(terminal, order),
    renderResult(terminal, order),
  ].join('')
}

function orderFields(order: OrderDetail, now: number): (readonly [string, string | null])[] {
  const asked = [order.notBefore, order.notAfter].some((one) => one !== null)
  const unfinished = order.status !== 'valid' && order.status !== 'invalid'
  const expires = order.expires === null ? null : relativeTime(microsOf(order.expires), now)
  return [
    ['names', order.identifiers.map(({ value }) => value).join(', ') || '-'],
    ['asked by', clientText(order.client)],
    ['account', order.account?.url ?? null],
    ['ca', order.ca],
    ['url', order.url],
    ['profile', order.profile],
    ['replaces', order.replaces],
    ['validity', asked ? `asked for ${order.notBefore ?? '…'} to ${order.notAfter ?? '…'}` : null],
    ['requested', order.requests > 1 ? `${order.requests} times; the CA gave the same order again` : null],
    ['dropped', unfinished && expires !== null ? `${expires}, if it is not finished` : null],
    ['key', keyOf(order)],
  ]
}

function keyOf({ csr }: OrderDetail): string | null {
  if (csr === null || csr.keyType === null) return null
  return csr.keyType === 'RSA' && csr.keyBits !== null ? `RSA ${csr.keyBits}` : csr.keyType
}

function renderAuthorizations(terminal: Terminal, { authorizations }: OrderDetail): string {
  if (authorizations.length === 0) return ''
  const sorted = [...authorizations].sort(
    (a, b) => Number(a.status === 'valid') - Number(b.status === 'valid'),
  )
  const shown = sorted.slice(0, MOST_AUTHORIZATIONS)
  const names = shown.map(({ identifier, wildcard }) => {
    const value = identifier?.value ?? 'a name that was not seen'
    return escapeText(wildcard && !value.startsWith('*.') ? `*.${value}` : value)
  })
  const widest = Math.min(
    Math.max(...names.map((name) => [...name].length)),
    Math.max(20, terminal.columns - 48),
  )
  const lines = shown.map((one, index) => {
    const name = cutMiddle(names[index]!, widest)
    const pad = ' '.repeat(widest - [...name].length)
    const how = one.reused
      ? 'valid from before'
      : one.challenges.map(({ type, status }) => `${type ?? 'challenge'} ${status ?? ''}`.trim()).join(', ')
    const status = paintStatus(terminal, one.status, 11)
    return renderProse(terminal, `  ${name}${pad}  ${status}  `, how, widest + 17)
  })
  const left = sorted.length - shown.length
  if (left > 0) lines.push(`  and ${left} more\n`)
  return `\n${terminal.colors.bold('authorizations')}\n${lines.join('')}`
}

function renderSteps(terminal: Terminal, { timeline, createdAt, identifiers, ca }: OrderDetail): string {
  const { colors } = terminal
  const begin = timeline[0]?.at ?? createdAt
  const title = `\n${colors.bold('steps')}  ${colors.dim(`from ${utcTime(microsOf(begin)).slice(0, 23)}Z`)}\n`
  if (timeline.length === 0) return `${title}  its exchanges are not kept any more\n`
  const lines: string[] = []
  let [end, told] = [microsOf(begin), '']
  for (const step of timeline) {
    const at = microsOf(step.at)
    if (at - end >= WAITING)
      lines.push(colors.dim(`            ⋮ ${durationText(at - end)} without a request\n`))
    end = Math.max(end, at + (step.duration ?? 0) * 1e6)
    lines.push(renderStep(terminal, step, at - microsOf(begin), identifiers.length > 1))
    const fault = step.diagnosis === null ? '' : JSON.stringify([step.diagnosis, step.problem?.detail])
    if (fault !== '' && fault === told) lines.push(`            ${colors.red('└')} as above\n`)
    else if (step.diagnosis !== null) lines.push(renderFault(terminal, ca, step, step.diagnosis))
    if (fault !== '') told = fault
  }
  return title + lines.join('')
}

/** `   +1.2 s  challenge http-01  200 pending   12 ms`, and what it is about where the order has several names. */
function renderStep(terminal: Terminal, step: Step, offset: number, named: boolean): string {
  const operation = [step.operation, ...(step.challengeType === null ? [] : [step.challengeType])].join(' ')
  const status = stepStatus(step)
  const bad = step.diagnosis !== null || step.problem !== null || step.objectStatus === 'invalid'
  const paint = bad
    ? terminal.colors.red
    : step.outcome === null
      ? terminal.colors.yellow
      : terminal.colors.green
  const took = step.duration === null ? '-' : durationText(step.duration * 1e6)
  const rest = Math.min(terminal.columns, 120) - 65
  const cells = [
    `+${offsetText(offset)}`.padStart(10),
    cutMiddle(escapeText(operation), 22).padEnd(22),
    paint(cutMiddle(escapeText(status), 18).padEnd(18)),
    took.padStart(7),
    ...(named && rest > 8 && step.about.length > 0
      ? [cutMiddle(escapeText(shortNames(step.about)), rest)]
      : []),
  ]
  return `${cells.join('  ').trimEnd()}\n`
}

/** `0.2 s`, `2m05s`: all alike, so that they can be compared at a glance. */
function offsetText(micros: number): string {
  return micros < 59_950_000 ? `${(micros / 1e6).toFixed(1)} s` : durationText(micros)
}

function stepStatus({ outcome, status, objectStatus, problem }: Step): string {
  if (outcome === null) return 'running'
  const said = problem === null ? objectStatus : problemShortName(problem.type)
  switch (outcome) {
    case 'response':
      return [status, objectStatus === 'invalid' ? objectStatus : said]
        .filter((part) => part !== null)
        .join(' ')
    case 'notSent':
      return 'not sent'
    default:
      return `${outcome} ${problem === null ? '' : said}`.trimEnd()
  }
}

function renderFault(
  terminal: Terminal,
  ca: string,
  { problem, about, exchange }: Step,
  diagnosis: Diagnosis,
): string {
  return renderDiagnosis(terminal, diagnosis, {
    indent: 12,
    problem,
    subject: { names: about, ca, exchange },
  })
}

function renderResult(terminal: Terminal, order: OrderDetail): string {
  const { colors } = terminal
  const title = `\n${colors.bold('result')}\n`
  const took = durationText(microsOf(order.updatedAt) - microsOf(order.createdAt))
  if (order.certificate !== null) {
    const text = `certificate delivered after ${took}. See it: acmetap certificates show ${order.certificate.slice(0, 64)}`
    return title + colors.green(renderProse(terminal, '  ', text))
  }
  const lines: string[] = []
  if (order.status === 'invalid')
    lines.push(colors.red(renderProse(terminal, '  ', `no certificate: it failed after ${took}`)))
  else if (order.diagnosis !== null) lines.push(colors.red('  no certificate\n'))
  else if (order.status === 'valid') lines.push('  issued, and not downloaded yet\n')
  else lines.push(colors.yellow(`  not finished: ${escapeText(order.status ?? 'its status was not seen')}\n`))
  const { diagnosis } = order
  const known = diagnosis === null || order.timeline.some((step) => step.diagnosis?.class === diagnosis.class)
  if (!known && diagnosis !== null) {
    const names = order.identifiers.map(({ value }) => value)
    const subject = { names, ca: order.ca, exchange: null }
    lines.push(renderDiagnosis(terminal, diagnosis, { indent: 2, problem: order.error, subject }))
  } else if (diagnosis !== null) {
    lines.push(renderProse(terminal, '  ', `${diagnosis.cause} (${diagnosis.class}, see above)`))
  }
  return title + lines.join('')
}

function paintStatus({ colors }: Terminal, status: string | null, width = 0): string {
  const text = escapeText(status ?? 'unknown').padEnd(width)
  if (status === 'valid') return colors.green(text)
  return status === 'invalid' ? colors.red(text) : colors.yellow(text)
}
