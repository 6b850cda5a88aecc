/**
 * src/observability is what the process says about itself: logs, metrics, health. It knows no exchange.
 * Start here: every line acmetap logs has one of these event names, and no other. A new event is a new row.
 */
export const LOG_EVENTS = {
  started: 'listening on all listeners',
  stopping: 'told to stop; draining',
  stopped: 'every listener and the store are closed',
  'config.reloaded': 'a new configuration is in force',
  'config.warning': 'the configuration is allowed but will probably hurt',
  'config.rejected': 'a new configuration was refused; the old one stays',
  'relay.refused': 'the CA does not build its URLs from the forwarded Host; relay to it is refused',
  'relay.ready': 'the CA names our own host in its directory',
  'directory.fetched': 'a CA directory was read',
  'directory.failed': 'a CA directory could not be read',
  'connection.failed': 'a connection ended before it became a request',
  'certificate.renewed': "the listener's certificate was replaced",
  'root.endsSoon': "the listener's root ends soon; clients need a new one",
  'interception.rootMade': 'an interception root was made; clients do not trust it yet',
  'interception.replaced': 'another interception authority signs from now on',
  'interception.rejected': 'the interception authority in the data folder cannot be used',
  'interception.endsSoon': 'the interception root ends soon',
  'interception.notCovered':
    "hosts of CAs are outside the interception root's constraints and are not served",
  'sink.failed': 'a sink did not take its lines; they wait',
  'sink.recovered': 'a sink takes lines again',
  'certificate.rejected': 'new certificate files could not be used; the old ones stay',
  'record.unavailable': 'the store refused a fact',
  'record.recovered': 'the store accepts facts again',
  'record.spilled': 'an outcome went to the spill file',
  'record.held': 'an outcome could be written nowhere and waits in memory',
  'record.lost': 'an outcome could be written neither to the store nor to the spill file',
  'record.imported': 'outcomes from the spill file are in the store',
  'record.closedDeadIntents': 'intents of an earlier run were closed as unknown',
  'record.pruned': 'facts or values were removed for their age',
  'record.pruneFailed': 'what is older than its retention could not be removed; it is tried again in an hour',
  'inventory.stopped': 'the inventory cannot follow the record; lists show what it had',
  'inventory.recovered': 'the inventory follows the record again',
  'token.first': 'the first admin token was made; the named file holds it until its first use',
  'exchange.failed': 'a CA could not be reached or understood',
  'exchange.bug': 'a stage failed for a reason of its own',
  'control.fault': 'an operation of the control plane failed for a reason of its own',
  'process.fault': 'an unexpected error reached the top of the process',
} as const satisfies Record<string, string>

export type LogEvent = keyof typeof LOG_EVENTS
