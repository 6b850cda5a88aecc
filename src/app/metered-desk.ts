import type { AlertDesk, Settled } from '../alerts/alert-desk.ts'
import type { EndpointState } from '../alerts/endpoint.ts'
import type { Notification } from '../alerts/notification.ts'
import { LruMap } from '../exchange/lru-map.ts'

/** Notifications that are remembered between being due and being settled. */
const UNDER_WAY = 10_000

export interface DeskMeter {
  delivery(notification: Notification, settled: Settled): void
  probed(state: EndpointState): void
}

/** The same desk, of which the meter is told what is sent and what probes find. */
export function meteredDesk(desk: AlertDesk, meter: DeskMeter): AlertDesk {
  const { outbox, feed } = desk
  const underWay = new LruMap<string, Notification>(UNDER_WAY)
  return {
    ...desk,
    outbox: {
      ...outbox,
      async due(now, limit) {
        const due = await outbox.due(now, limit)
        for (const notification of due)
          underWay.set(`${notification.channel} ${notification.id}`, notification)
        return due
      },
      async settle(id, channel, settled) {
        await outbox.settle(id, channel, settled)
        const key = `${channel} ${id}`
        const notification = underWay.get(key)
        if (notification === undefined) return
        meter.delivery(notification, settled)
        if (settled.state !== 'waiting') underWay.delete(key)
      },
    },
    feed: {
      ...feed,
      async probed(state) {
        meter.probed(state)
        await feed.probed(state)
      },
    },
  }
}
