/** RFC 3339 in UTC, whole seconds (some clients read no others), of µs since 1970. */
export function timeText(micros: number): string {
  return `${new Date(micros / 1000).toISOString().slice(0, 19)}Z`
}
