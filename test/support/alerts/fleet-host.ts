import type { FleetCertificate, FleetClient, FleetInventory } from './fleet-inventory.ts'
import { type FleetProgram, windowOf } from './fleet-programs.ts'
import { DAY, HOUR, MINUTE } from './how-things-stand.ts'

/** One exchange as the vitals of a CA count it. */
export interface Sent {
  readonly ca: string
  readonly at: number
  readonly failed: boolean
}

/** What a host meets outside of itself. */
export interface FleetWorld {
  readonly inventory: FleetInventory
  readonly draw: () => number
  readonly sent: (sent: Sent) => void
  isUnderMaintenance(ca: string, at: number): boolean
}

export interface Held {
  readonly names: readonly string[]
  certificate: FleetCertificate
  due: number
  /** Part of its life at which the one before was replaced. */
  habit: number | null
  notBefore: number
  /** No attempt before this. */
  retry: number
}

/** A machine with one client, as its program behaves. */
export class FleetHost {
  readonly program: FleetProgram
  readonly client: FleetClient
  readonly held: Held[] = []
  readonly #world: FleetWorld
  #nextLook: number
  #nextAsk: number
  #off: { readonly from: number; readonly until: number } | null
  /** From then on it is off for ever. */
  deadFrom = Number.POSITIVE_INFINITY
  /** Its validations fail. */
  fails = false
  lastSeen = 0

  constructor(number: number, program: FleetProgram, begin: number, end: number, world: FleetWorld) {
    this.program = program
    this.#world = world
    const { draw, inventory } = world
    const source = `10.${number >> 16}.${(number >> 8) & 255}.${number & 255}`
    this.client = inventory.client({ ca: program.ca, program: program.program, source }, begin - 90 * DAY)
    for (let n = 0; n < program.certificates; n++)
      this.held.push(this.#hold([`host-${number}-${n}.example`], begin))
    this.#nextLook = this.#firstLook(begin)
    this.#nextAsk = begin + draw() * (program.asks ?? 0)
    const from = begin + draw() * (end - begin)
    // A certificate of a day does not outlive a day without its client: that would be no false alarm.
    this.#off = draw() < 0.3 ? { from, until: from + (program.life > DAY ? DAY : HOUR) } : null
  }

  step(at: number): void {
    if (at >= this.deadFrom) return
    if (this.#off !== null && at >= this.#off.from && at < this.#off.until) {
      // Cron does not make up for what was missed.
      while (!this.program.catchesUp && this.#nextLook <= at) this.#nextLook += this.program.every
      return
    }
    if (this.program.asks !== null && at >= this.#nextAsk) {
      this.#nextAsk = at + this.program.asks + this.#world.draw() * this.program.jitter
      this.#exchange('directory', at)
      for (const _ of this.held) this.#exchange('renewalInfo', at)
    }
    const isLook = at >= this.#nextLook
    if (isLook) {
      while (this.#nextLook <= at) this.#nextLook += this.program.every
      this.#nextLook += this.program.jitter * (this.#world.draw() - 0.5)
    }
    for (const held of this.held) {
      const isRetry = held.retry > 0 && at >= held.retry
      if (at >= held.due && (isRetry || (isLook && held.retry === 0))) this.#renew(held, at)
    }
  }

  /** Before the simulation: as old as it may be in a fleet that has been at it for long. */
  #hold(names: readonly string[], begin: number): Held {
    const { inventory, draw } = this.#world
    const { life, due } = this.program
    const drawn = draw()
    const oldest = due({ notBefore: 0, notAfter: life }, drawn)
    const notBefore = begin - draw() * oldest
    const lived = { notBefore, notAfter: notBefore + life }
    const order = inventory.order(this.client, names, notBefore, 'valid')
    const certificate = inventory.certificate(this.client, names, lived, notBefore, order, null)
    this.#suggest(certificate)
    return { names, certificate, due: due(lived, drawn), habit: null, notBefore, retry: 0 }
  }

  /** Most certificates were got by an earlier look, so that looks are whole periods after them. */
  #firstLook(begin: number): number {
    const { every } = this.program
    const { draw } = this.#world
    if (draw() < 0.1) return begin + draw() * every
    const since = begin - this.held[0]!.notBefore
    return begin + every - (since % every)
  }

  #renew(held: Held, at: number): void {
    const { inventory, draw } = this.#world
    held.retry = 0
    if (!this.#exchange('directory', at) || !this.#exchange('newNonce', at)) return
    if (draw() < 0.01) this.#exchange('newOrder', at, 400)
    this.#exchange('newOrder', at, 201)
    if (this.fails || draw() < 0.01) {
      inventory.order(this.client, held.names, at, 'invalid')
      this.#exchange('challenge', at)
      held.retry = at + (this.fails ? DAY : 10 * MINUTE + draw() * 40 * MINUTE)
      return
    }
    for (const operation of ['authorization', 'challenge', 'finalize', 'certificate'])
      this.#exchange(operation, at)
    // Let's Encrypt dates certificates an hour back.
    const back = Math.min(HOUR, this.program.life / 100)
    const lived = { notBefore: at - back, notAfter: at - back + this.program.life }
    const order = inventory.order(this.client, held.names, at, 'valid')
    const before = held.certificate
    held.habit = (lived.notBefore - before.notBefore) / (before.notAfter - before.notBefore)
    held.certificate = inventory.certificate(this.client, held.names, lived, at, order, before)
    held.notBefore = lived.notBefore
    held.due = this.program.due(lived, draw())
    this.#suggest(held.certificate)
  }

  /** acmetap asks for the window of whatever is current, whether the client does or not. */
  #suggest(certificate: FleetCertificate): void {
    if (this.program.ca !== 'public') return
    const { start, end } = windowOf(certificate.notBefore, certificate.notAfter)
    this.#world.inventory.window(certificate, start, end)
  }

  /** False when the CA did not take it. */
  #exchange(operation: string, at: number, status = 200): boolean {
    const { inventory, sent, isUnderMaintenance } = this.#world
    const ca = this.client.ca
    const failed = isUnderMaintenance(ca, at)
    inventory.exchange(this.client, operation, at, failed ? 503 : status)
    sent({ ca, at, failed })
    this.lastSeen = at
    return !failed
  }
}
