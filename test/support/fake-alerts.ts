import type { Alert, Silence, SilenceRequest } from '../../src/alerts/alert.ts'
import type { AlertReader } from '../../src/alerts/alert-desk.ts'
import type { EndpointState } from '../../src/alerts/endpoint.ts'
import type { Delivery } from '../../src/alerts/notification.ts'
import type { Page } from '../../src/audit/inventory/values.ts'

/** Alerts over lists in memory, which filter nothing and remember how they were asked. */
export class FakeAlerts implements AlertReader {
  readonly calls: [what: string, filter: Record<string, unknown>][] = []
  alertList: Alert[] = []
  deliveryList: Delivery[] = []
  silenceList: Silence[] = []
  endpointList: EndpointState[] = []

  #page<T>(what: string, list: readonly T[], filter: Record<string, unknown>): Promise<Page<T>> {
    this.calls.push([what, filter])
    const from = filter.cursor === undefined ? 0 : Number(filter.cursor)
    const until = from + Number(filter.limit)
    return Promise.resolve({
      items: list.slice(from, until),
      next: until < list.length ? String(until) : null,
    })
  }
  alerts(filter: object) {
    return this.#page('alerts', this.alertList, { ...filter })
  }
  async alert(id: string) {
    return this.alertList.find((one) => one.id === id) ?? null
  }
  deliveries(filter: object) {
    return this.#page('deliveries', this.deliveryList, { ...filter })
  }
  async silences(ended: boolean) {
    return this.silenceList.filter((one) => ended || one.ended === null)
  }
  endpoints(filter: object) {
    return this.#page('endpoints', this.endpointList, { ...filter })
  }
  silence(request: SilenceRequest, by: string): Silence {
    const id = (this.silenceList.length + 1).toString(16).padStart(16, '0')
    const silence = { ...request, id, by, made: '2026-11-22T00:00:00.000Z', ended: null }
    this.silenceList.push(silence)
    return silence
  }
  end(id: string): boolean {
    const at = this.silenceList.findIndex((one) => one.id === id && one.ended === null)
    if (at < 0) return false
    this.silenceList[at] = { ...this.silenceList[at]!, ended: '2026-11-22T00:00:01.000Z' }
    return true
  }
  add(endpoint: string): EndpointState {
    const state: EndpointState = {
      endpoint,
      source: 'added',
      probed: null,
      served: null,
      error: null,
      failingSince: null,
      newer: null,
    }
    this.endpointList.push(state)
    return state
  }
  remove(endpoint: string): boolean {
    const before = this.endpointList.length
    this.endpointList = this.endpointList.filter((one) => one.endpoint !== endpoint)
    return this.endpointList.length < before
  }
}
