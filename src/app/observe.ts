import { AcmeProblem } from '../acme/problem.ts'
import type { Settled } from '../alerts/alert-desk.ts'
import type { DeliveryEvent } from '../alerts/delivery.ts'
import type { EndpointState } from '../alerts/endpoint.ts'
import type { Notification } from '../alerts/notification.ts'
import type { Happening } from '../audit/inventory/happening.ts'
import type { Pruned } from '../audit/keeping.ts'
import type { RecorderEvent } from '../audit/recorder.ts'
import type { SinkEvent } from '../audit/sinks/sink.ts'
import type { IssuanceEvent } from '../broker/issuances/issuance-parts.ts'
import type { DirectoryState } from '../ca/directory-keeper.ts'
import type { DnsApiOperation, DnsApiOutcome } from '../engine/dns/acme-dns-api.ts'
import type { DnsOutcome } from '../engine/dns/name-service.ts'
import type { ManagedEvent } from '../engine/managed/managed-certificates.ts'
import type { EngineProgress } from '../engine/progress.ts'
import type { ScheduleNews } from '../engine/reissue/reissue-schedule.ts'
import type { PolicyVerdict } from '../exchange/decision.ts'
import type { Completed, Received } from '../exchange/exchange.ts'
import { LruMap } from '../exchange/lru-map.ts'
import { messageOf } from '../exchange/message-of.ts'
import type { IssuerEvent } from '../interception/issuer.ts'
import type { Log } from '../observability/log.ts'
import type { Metrics } from '../observability/metrics.ts'
import { OncePerSecond } from '../observability/once-per-second.ts'
import type { Policy } from '../policy/policy.ts'
import type { WebhookEvent } from '../policy/webhooks.ts'
import type { CertificateEvent, ConnectionEvent } from '../proxy/listener-options.ts'
import { limitLabel, ruleLabel, statusLabel } from './metric-labels.ts'
import { namesTold } from './names-told.ts'
import { problemLabel } from './problem-label.ts'
import { traceExchanges } from './traces.ts'
import { WebhookWatch } from './webhook-watch.ts'

/**
 * Turns what happens into log lines, metrics and spans. The only place that knows them all. `shownAddress`: what the log may say of
 * a client's address.
 */
export function observeWith(
  log: Log,
  metrics: Metrics,
  shownAddress: (address: string) => string | null = (address) => address,
) {
  const unavailable = new OncePerSecond()
  const startedAt = Date.now()
  /** `channel alert`. */
  const firstTold = new LruMap<string, true>(10_000)
  const traced = traceExchanges()
  const webhooks = new WebhookWatch()

  function policyDecided(exchange: Completed, verdict: PolicyVerdict): void {
    const { id, operation, destination } = exchange
    const ca = destination?.ca ?? 'none'
    const { decided, would, warnings } = verdict
    const exemplarLabels = { exchange: id }
    const labels = { ca, operation, effect: decided.effect, would: would.effect }
    metrics.policyDecisions.inc({ labels, exemplarLabels })
    const about = {
      exchange: id,
      ca,
      operation,
      names: namesTold(exchange, verdict),
    }
    if (decided.effect === 'deny') log('info', 'policy.denied', { ...about, rule: decided.rule })
    if (warnings.length === 0 || decided.effect === 'deny') return
    metrics.policyWarnings.inc({ labels: { ca, operation }, exemplarLabels })
    log('warn', 'policy.warned', { ...about, rules: warnings.slice(0, 5).map(({ rule }) => rule) })
  }

  return {
    completed(exchange: Completed): void {
      const { mode, operation, outcome, inspection, ambiguities } = exchange
      const ca = exchange.destination?.ca ?? 'none'
      const exemplarLabels = { exchange: exchange.id }
      metrics.exchanges.inc({ labels: { mode, ca, operation, outcome: outcome.kind }, exemplarLabels })
      metrics.duration.observe({
        labels: { mode, operation },
        value: (exchange.completedAt.monotonic - exchange.receivedAt.monotonic) / 1e6,
        exemplarLabels,
      })
      if (exchange.turn.waited > 0) metrics.waited.observe({ ca, operation }, exchange.turn.waited / 1e6)
      if (outcome.kind === 'response') {
        if (outcome.tunnel) {
          metrics.tunnelBytes.inc({ direction: 'up' }, outcome.tunnel.up)
          metrics.tunnelBytes.inc({ direction: 'down' }, outcome.tunnel.down)
        } else {
          metrics.sources.inc({ ca, source: outcome.source ?? 'ca' })
          if ((outcome.source ?? 'ca') === 'ca')
            metrics.responses.inc({ ca, status: statusLabel(outcome.response.status) })
        }
      }
      if (outcome.kind === 'failed')
        metrics.failures.inc({ labels: { ca, cause: outcome.failure.cause }, exemplarLabels })
      if (exchange.decision.effect === 'deny')
        metrics.refusals.inc({ labels: { ca, rule: ruleLabel(exchange.decision) }, exemplarLabels })
      if (exchange.decision.policy) policyDecided(exchange, exchange.decision.policy)
      if (outcome.kind !== 'refused' && mode !== 'broker')
        metrics.durationCa.observe({ labels: { ca }, value: outcome.durationCa / 1e6, exemplarLabels })
      if (inspection) metrics.verdicts.inc({ ca, verdict: inspection.verdict })
      for (const kind of new Set(ambiguities.map((ambiguity) => ambiguity.kind)))
        metrics.ambiguous.inc({ kind })
      const problem = problemLabel(exchange)
      if (problem) metrics.problems.inc({ labels: { ca, type: problem }, exemplarLabels })
      traced(exchange)
      if (outcome.kind === 'failed')
        log('warn', 'exchange.failed', {
          exchange: exchange.id,
          ca,
          operation,
          cause: outcome.failure.cause,
          detail: outcome.failure.message,
        })
    },

    fault(error: unknown, exchange: Received): void {
      const ca = exchange.destination?.ca ?? 'none'
      // No exemplar: the record does not have it.
      const { mode } = exchange
      metrics.exchanges.inc({ labels: { mode, ca, operation: 'unrecognised', outcome: 'unrecorded' } })
      metrics.problems.inc({ labels: { ca, type: 'serverInternal' } })
      // A refusal for want of a record has been reported by the recorder, once for all of them.
      if (error instanceof AcmeProblem) return
      log('error', 'exchange.bug', { exchange: exchange.id, detail: stackOf(error) })
    },

    bug(error: unknown): void {
      log('error', 'exchange.bug', { detail: stackOf(error) })
    },

    incomplete(_request: unknown, error: unknown): void {
      metrics.connectionEvents.inc({ kind: 'incompleteRequest' })
      log('debug', 'connection.failed', {
        kind: 'incompleteRequest',
        detail: error instanceof Error ? error.message : '',
      })
    },

    connection({ kind, clientAddress, detail }: ConnectionEvent): void {
      metrics.connectionEvents.inc({ kind })
      log('info', 'connection.failed', {
        kind,
        clientAddress: clientAddress && shownAddress(clientAddress),
        detail,
      })
    },

    certificate(event: CertificateEvent): void {
      switch (event.kind) {
        case 'certificateReplaced':
          log('info', 'certificate.renewed', { notAfter: event.notAfter })
          break
        case 'certificateRefused':
          log('error', 'certificate.rejected', { detail: event.detail })
          break
        case 'rootEndsSoon':
          log('warn', 'root.endsSoon', { notAfter: event.notAfter })
          break
      }
    },

    issuer(event: IssuerEvent): void {
      switch (event.kind) {
        case 'rootMade':
          log('info', 'interception.rootMade', { fingerprint: event.fingerprint, notAfter: event.notAfter })
          break
        case 'authorityReplaced':
          log('info', 'interception.replaced', { fingerprint: event.fingerprint, notAfter: event.notAfter })
          break
        case 'authorityRefused':
          log('error', 'interception.rejected', { detail: event.detail })
          break
        case 'rootEndsSoon':
          log('warn', 'interception.endsSoon', { notAfter: event.notAfter, run: event.run })
          break
        case 'namesNotCovered':
          log('error', 'interception.notCovered', { names: event.names, run: event.run })
          break
      }
    },

    sink(event: SinkEvent): void {
      if (event.kind === 'recovered') log('info', 'sink.recovered', { sink: event.sink })
      else log('error', 'sink.failed', { sink: event.sink, detail: event.message, count: event.count })
    },

    recorder(event: RecorderEvent): void {
      switch (event.kind) {
        case 'unavailable':
          metrics.recordFailures.inc({ fact: event.fact, reason: event.reason })
          unavailable.note(`${event.fact} ${event.reason}`, (refused) =>
            log('error', 'record.unavailable', {
              fact: event.fact,
              reason: event.reason,
              refused,
              detail: event.message,
            }),
          )
          break
        case 'spilled':
          log('warn', 'record.spilled', { exchange: event.exchange, reason: event.reason })
          break
        case 'held':
          metrics.recordFailures.inc({ fact: 'outcome', reason: 'held' })
          log('error', 'record.held', { exchange: event.exchange, detail: event.message })
          break
        case 'bug':
          log('error', 'exchange.bug', { exchange: event.exchange, detail: stackOf(event.error) })
          break
        case 'lost':
          metrics.recordFailures.inc({ fact: 'outcome', reason: 'lost' })
          log('fatal', 'record.lost', { exchange: event.exchange, detail: event.message })
          break
        case 'imported':
          log('info', 'record.imported', { count: event.count })
          break
        case 'recovered':
          log('info', 'record.recovered')
          break
      }
    },

    directory({ view, state, detail }: DirectoryState): void {
      const facts = { ca: view.destination.ca, authority: view.destination.authority, target: view.target }
      if (state === 'refused' && view.relay) log('error', 'relay.refused', { ...facts, detail })
      else if (state === 'unreachable') log('warn', 'directory.failed', { ...facts, detail })
      else log('info', view.relay ? 'relay.ready' : 'directory.fetched', facts)
    },

    /** What the inventory saw for the first time: counted once, whatever clients ask again. */
    happened(happening: Happening): void {
      const ca = happening.ca ?? 'none'
      const mode = happening.mode ?? 'none'
      const exemplarLabels = { exchange: happening.exchange }
      switch (happening.kind) {
        case 'accountSeen':
          metrics.accounts.inc({ labels: { ca, mode }, exemplarLabels })
          break
        case 'ordered':
          metrics.orders.inc({ labels: { ca, mode }, exemplarLabels })
          break
        case 'validated':
          metrics.validations.inc({ labels: { ca }, exemplarLabels })
          break
        case 'issued':
          metrics.certificates.inc({ labels: { ca, mode }, exemplarLabels })
          break
        case 'failed': {
          const labels = { ca, class: happening.diagnosis?.class ?? 'unclassified' }
          const counter = happening.validation ? metrics.validationFailures : metrics.issuanceFailures
          counter.inc({ labels, exemplarLabels })
          break
        }
        case 'limited': {
          const labels = { ca, by: happening.by, limit: limitLabel(happening.limit) }
          metrics.rateLimits.inc({ labels, exemplarLabels })
          break
        }
      }
    },

    /** A channel was told, or an attempt to tell it failed. How soon is measured once for each alert and channel. */
    delivery({ channel, kind, made, alerts }: Notification, { state }: Settled): void {
      metrics.notifications.inc({ channel, outcome: state === 'waiting' ? 'failed' : state })
      if (kind !== 'firing' || state !== 'delivered') return
      for (const { id, since } of alerts) {
        const told = `${channel} ${id}`
        if (Date.parse(since) < startedAt || firstTold.get(told) === true) continue
        firstTold.set(told, true)
        metrics.alertLatency.observe(Math.max(0, Date.parse(made) - Date.parse(since)) / 1000)
      }
    },

    probed({ served, error }: EndpointState): void {
      const outcome = error !== null || served === null ? 'unreachable' : served.trusted ? 'ok' : 'untrusted'
      metrics.probes.inc({ outcome })
    },

    channel(event: DeliveryEvent): void {
      switch (event.kind) {
        case 'failed':
          log('warn', 'channel.failed', { channel: event.channel, detail: event.message })
          break
        case 'recovered':
          log('info', 'channel.recovered', { channel: event.channel })
          break
        case 'refused':
          log('error', 'channel.refused', { channel: event.channel, id: event.id, detail: event.message })
          break
        case 'template':
          log('warn', 'template.failed', { part: event.part, detail: event.message })
          break
        case 'outbox':
          log('error', 'outbox.failed', { detail: event.message })
          break
      }
    },

    alerts(fault: string | null): void {
      if (fault === null) log('info', 'alerts.recovered')
      else log('error', 'alerts.stopped', { detail: fault })
    },

    /** How long deciding took, in seconds. */
    decidedIn(seconds: number): void {
      metrics.policyDuration.observe(seconds)
    },

    /** Another policy is in force, or none; or one was refused, and what was in force stays. */
    engine(progress: EngineProgress): void {
      const { kind, job, certificate } = progress
      if (kind === 'note') log('info', 'engine.note', { job, certificate, note: progress.text })
      if (kind !== 'step') return
      if (progress.step === 'done' || progress.step === 'failed')
        metrics.engineJobs.inc({ outcome: progress.step })
    },

    dns: {
      query(outcome: DnsOutcome): void {
        metrics.dnsQueries.inc({ outcome })
      },
      apiCall(operation: DnsApiOperation, outcome: DnsApiOutcome): void {
        metrics.dnsApiCalls.inc({ operation, outcome })
      },
    },

    brokerUnavailable(error: unknown): void {
      log('error', 'broker.unavailable', { detail: messageOf(error) })
    },

    /** What happens to orders of acmetap as an ACME server. */
    issuance(event: IssuanceEvent): void {
      switch (event.kind) {
        case 'placed': {
          const { endpoint, ca } = event
          metrics.brokerOrders.inc({ endpoint, ca, outcome: 'placed' })
          break
        }
        case 'left': {
          const { endpoint, ca, order, fault, why } = event
          metrics.brokerOrders.inc({ endpoint, ca, outcome: 'left' })
          log('warn', 'broker.moved', { endpoint, ca, order, fault, why })
          break
        }
        case 'issued': {
          const { endpoint, ca, took } = event
          metrics.brokerOrders.inc({ endpoint, ca, outcome: 'issued' })
          metrics.brokerIssuance.observe({ endpoint, ca }, took / 1e6)
          break
        }
        case 'failed': {
          const { endpoint, order, why } = event
          metrics.brokerOrders.inc({ endpoint, ca: 'none', outcome: 'failed' })
          log('warn', 'broker.failed', { endpoint, order, why })
          break
        }
        case 'circuit': {
          const { ca, state, why } = event.standing
          log('warn', 'broker.circuit', { ca, state, why })
          break
        }
        case 'fault':
          log('error', 'exchange.bug', { detail: messageOf(event.error) })
          break
      }
    },

    engineUnavailable(error: unknown): void {
      log('error', 'engine.unavailable', { detail: messageOf(error) })
    },

    /** What came of the scheduled plans. */
    reissue(news: ScheduleNews): void {
      if (news.kind === 'failed') {
        log('error', 'reissue.failed', { detail: messageOf(news.error) })
        return
      }
      const { plan, lines } = news.plan
      const failed = lines.filter(({ state }) => state === 'failed').length
      if (news.kind === 'applied')
        log('info', 'reissue.applied', { plan: plan.id, lines: lines.length, failed, state: plan.state })
      else log('warn', 'reissue.tooLarge', { plan: plan.id, lines: news.lines, max: news.max })
    },

    managed(event: ManagedEvent): void {
      switch (event.kind) {
        case 'due':
          log('info', 'engine.due', { certificate: event.certificate, reason: event.reason, why: event.why })
          break
        case 'obtained':
          log('info', 'engine.obtained', { certificate: event.certificate, job: event.job.id })
          break
        case 'failed': {
          const { certificate, job, error } = event
          metrics.engineFailures.inc({ ca: job?.ca ?? 'none' })
          log('warn', 'engine.failed', { certificate, job: job?.id ?? null, error })
          break
        }
        case 'held':
          log('warn', 'engine.held', {
            certificate: event.certificate,
            until: new Date(event.until / 1000).toISOString(),
          })
          break
        case 'cancelled':
          log('info', 'engine.cancelled', { certificate: event.certificate, job: event.job, why: event.why })
          break
        case 'clock':
          log('info', 'engine.clock', { trusted: event.trusted })
          break
        case 'fault':
          log('error', 'exchange.bug', { detail: messageOf(event.error) })
          break
      }
    },

    policy(loaded: Policy | null | 'refused'): void {
      metrics.policyLoads.inc({ outcome: loaded === 'refused' ? 'refused' : 'taken' })
      if (loaded === 'refused') return
      metrics.policyRules.reset()
      if (loaded === null) {
        log('info', 'policy.loaded', { digest: null, rules: 0 })
        return
      }
      for (const { mode } of loaded.rules) metrics.policyRules.inc({ mode })
      const { digest, rules, document } = loaded
      log('info', 'policy.loaded', { digest, rules: rules.length, mode: document.mode })
    },

    webhook({ webhook, answer, tried }: WebhookEvent): void {
      const { allow, reason } = answer
      metrics.policyWebhooks.inc({ webhook, outcome: allow === null ? 'none' : allow ? 'allow' : 'deny' })
      const change = tried ? webhooks.note(webhook, allow !== null) : null
      if (change === 'failed') log('warn', 'webhook.failed', { webhook, detail: reason })
      if (change === 'recovered') log('info', 'webhook.recovered', { webhook })
    },

    /** Earlier orders could not be counted. */
    historyBehind(error: unknown): void {
      log('warn', 'policy.historyBehind', { detail: messageOf(error) })
    },

    inventory(fault: string | null): void {
      if (fault === null) log('info', 'inventory.recovered')
      else log('error', 'inventory.stopped', { detail: fault })
    },

    retention(pruned: readonly Pruned[] | Error): void {
      if (pruned instanceof Error) log('warn', 'record.pruneFailed', { detail: pruned.message })
      else {
        for (const { kind, removed } of pruned) metrics.pruned.inc({ kind }, removed)
        log('info', 'record.pruned', { removed: pruned })
      }
    },

    control(error: unknown, id: string): void {
      log('error', 'control.fault', { id, detail: stackOf(error) })
    },
  }
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
