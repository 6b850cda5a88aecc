import type { Clock } from '../../exchange/clock.ts'
import { stopped } from '../abortable.ts'
import { EngineError } from '../engine-error.ts'
import type { Publisher, TxtRecord } from '../publisher.ts'
import { MOST_VALUES, type Zone } from './zone.ts'

const LONGEST_VALUE = 4096

/**
 * Puts the engine's own records into the responder's zone. They live in memory: after a restart the engine presents the
 * open ones again.
 */
export function responderPublisher(zone: Zone, clock: Clock): Publisher {
  const now = () => Math.floor(clock.now().wall / 1e6)
  return {
    async add({ name, value, ttl }: TxtRecord, signal) {
      if (signal.aborted) throw stopped()
      if (!zone.holds(name)) {
        const advice = `make it a CNAME to a name in that zone, like ${suggestion(name)}.${zone.name}`
        throw new EngineError('solver', `${name} is not in ${zone.name}, the zone of engine.dns: ${advice}`)
      }
      if (Buffer.byteLength(value) > LONGEST_VALUE) {
        throw new EngineError('solver', `the TXT record for ${name} is longer than ${LONGEST_VALUE} bytes`)
      }
      if (!zone.publish(name, value, ttl, now())) {
        throw new EngineError(
          'solver',
          `${name} has ${MOST_VALUES} TXT values already: lead some names to other targets`,
        )
      }
    },
    async remove({ name, value }: TxtRecord, signal) {
      if (signal.aborted) throw stopped()
      zone.withdraw(name, value, now())
    },
  }
}

function suggestion(name: string): string {
  return name.replace(/^(?:_[^.]*\.)+/, '').replaceAll('.', '-')
}
