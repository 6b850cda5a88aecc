/** Values above this share of all are left out on both sides: pauses of the machine, which are nobody's secret. */
const CROP = 0.9

/**
 * Welch's t of two sets of times, cropped at one limit for both (as dudect has it). A |t| above 4.5 says that somebody who
 * measures can tell them apart.
 */
export function welch(left: readonly number[], right: readonly number[]): number {
  const all = [...left, ...right].sort((a, b) => a - b)
  const limit = all[Math.floor(all.length * CROP)] ?? Number.POSITIVE_INFINITY
  const [a, b] = [left, right].map((values) => moments(values.filter((value) => value <= limit)))
  const error = Math.sqrt(a!.variance / a!.count + b!.variance / b!.count)
  return error === 0 ? 0 : (a!.mean - b!.mean) / error
}

export const TELLING = 4.5

function moments(values: readonly number[]) {
  const count = values.length
  const mean = values.reduce((sum, value) => sum + value, 0) / count
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, count - 1)
  return { count, mean, variance }
}
