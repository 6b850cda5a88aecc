import { DURABLE_STEPS, type DurableStep, type FailPoint } from '../../engine/durable-step.ts'

/** Nothing happens anywhere. */
export const NO_FAIL_POINT: FailPoint = async () => {}

/**
 * Ends this process by SIGKILL where `text` says so, for drills: `engine.order.stored:before=kill`, several with `;`
 * between. Throws RangeError for a point or an action that there is none of.
 */
export function failPointOf(text: string | undefined): FailPoint {
  if (text === undefined || text.trim() === '') return NO_FAIL_POINT
  const killing = new Set(text.split(';').map((one) => pointOf(one.trim())))
  return async (step, when) => {
    if (killing.has(`${step}:${when}`)) process.kill(process.pid, 'SIGKILL')
  }
}

function pointOf(text: string): string {
  const [, step, when] = /^engine\.([a-z.]+):(before|after)=kill$/.exec(text) ?? []
  if (step !== undefined && DURABLE_STEPS.includes(step as DurableStep)) return `${step}:${when}`
  throw new RangeError(
    `ACMETAP_FAILPOINTS: ${JSON.stringify(text)} is no point: engine.<step>:<before|after>=kill with a step of ${DURABLE_STEPS.join(', ')}`,
  )
}
