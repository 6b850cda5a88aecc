import { BROKER_STEPS, type BrokerFailPoint } from '../../broker/issuances/broker-step.ts'
import { DURABLE_STEPS, type FailPoint } from '../../engine/durable-step.ts'

type Killing = (step: string, when: 'before' | 'after') => Promise<void>

const STEPS: Readonly<Record<string, readonly string[]>> = { engine: DURABLE_STEPS, broker: BROKER_STEPS }

/**
 * Ends this process by SIGKILL where `text` says so, for drills: `engine.order.stored:before=kill`, several with `;`
 * between. Throws RangeError for a point or an action that there is none of.
 */
export function failPointOf(text: string | undefined): FailPoint {
  return killingAt('engine', text)
}

/** As {@link failPointOf}, for points that begin with `broker.`. */
export function brokerFailPointOf(text: string | undefined): BrokerFailPoint {
  return killingAt('broker', text)
}

function killingAt(part: string, text = ''): Killing {
  // Nothing happens anywhere.
  if (text.trim() === '') return async () => {}
  const killing = new Set(text.split(';').map((one) => pointOf(one.trim())))
  return async (step, when) => {
    if (killing.has(`${part}.${step}:${when}`)) process.kill(process.pid, 'SIGKILL')
  }
}

function pointOf(text: string): string {
  const [, part = '', step = '', when] = /^([a-z]+)\.([a-z.]+):(before|after)=kill$/.exec(text) ?? []
  if (STEPS[part]?.includes(step) === true) return `${part}.${step}:${when}`
  const known = Object.entries(STEPS).map(([name, steps]) => `${name}.<step> with ${steps.join(', ')}`)
  throw new RangeError(
    `ACMETAP_FAILPOINTS: ${JSON.stringify(text)} is no point: write <part>.<step>:<before|after>=kill; there are ${known.join('; ')}`,
  )
}
