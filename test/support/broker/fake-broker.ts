import type {
  BrokerOperations,
  BrokerOrderFilter,
  BrokerStatus,
  CreatedEabKey,
  DrillRequest,
  EabKeyRequest,
  ShownBrokerOrder,
  ShownDrill,
  ShownEabKey,
} from '../../../src/api/broker-operations.ts'
import { OperationRefused } from '../../../src/api/operations.ts'
import type { Actor } from '../../../src/audit/event.ts'

/** A broker that answers what it was given, and remembers how it was asked. */
export class FakeBroker implements BrokerOperations {
  readonly calls: unknown[][] = []
  shown: BrokerStatus = { endpoints: [], cas: [], drills: [], openOrders: 0 }
  orderList: ShownBrokerOrder[] = []
  keyList: ShownEabKey[] = []
  drillList: ShownDrill[] = []
  directories: CreatedEabKey['directories'] = []
  mac = 'm'.repeat(43)
  now = Date.parse('2026-11-22T01:20:25.000Z')
  /** Where given, whatever changes something rejects with it. */
  refusal: Error | null = null

  async status() {
    return this.shown
  }
  async orders(filter: BrokerOrderFilter) {
    this.calls.push(['orders', filter])
    return this.orderList.slice(0, filter.limit)
  }
  async startDrill(request: DrillRequest, actor: Actor) {
    this.#called('startDrill', request, actor)
    const until = new Date(this.now + request.for * 1000).toISOString()
    const drill = { ca: request.ca, labels: request.labels ?? null, until }
    this.drillList.push(drill)
    return drill
  }
  async stopDrills(ca: string | null, actor: Actor) {
    this.#called('stopDrills', ca, actor)
    const stopped = this.drillList.filter((one) => ca === null || one.ca === ca)
    this.drillList = this.drillList.filter((one) => !stopped.includes(one))
    return stopped
  }
  async eabKeys() {
    return this.keyList
  }
  async createEabKey(request: EabKeyRequest, actor: Actor) {
    this.#called('createEabKey', request, actor)
    const key: ShownEabKey = {
      id: `key-${this.keyList.length + 1}`,
      label: request.label,
      names: request.names,
      endpoints: request.endpoints ?? [],
      cas: request.cas ?? [],
      uses: request.uses ?? null,
      used: 0,
      state: 'usable',
      expiresAt: request.expiresAt ?? null,
      revokedAt: null,
      createdAt: new Date(this.now).toISOString(),
    }
    this.keyList.unshift(key)
    return { key, mac: this.mac, directories: this.directories }
  }
  async revokeEabKey(id: string, actor: Actor) {
    this.#called('revokeEabKey', id, actor)
    const key = this.keyList.find((one) => one.id === id)
    if (key === undefined) throw new OperationRefused('there is no EAB key with this id', 404)
    const revoked = { ...key, state: 'revoked' as const, revokedAt: new Date(this.now).toISOString() }
    this.keyList = this.keyList.map((one) => (one === key ? revoked : one))
    return revoked
  }

  #called(call: string, ...given: unknown[]) {
    this.calls.push([call, ...given])
    if (this.refusal !== null) throw this.refusal
  }
}
