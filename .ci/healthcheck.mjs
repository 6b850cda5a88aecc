// Ends with 0 when acmetap is alive: the image's health check. The admin listener's address may be given by
// ACMETAP_HEALTH_URL; the default is that of the configuration's defaults.
const url = process.env.ACMETAP_HEALTH_URL ?? 'http://127.0.0.1:9080/healthz'

try {
  const answer = await fetch(url, { signal: AbortSignal.timeout(4000) })
  process.exitCode = answer.ok ? 0 : 1
} catch {
  process.exitCode = 1
}
